"""The contract is written once: the add-on has an exact copy, which needs nothing but Python and numpy."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from scripts import copy_contract


def test_the_addon_has_the_same_contract() -> None:
    source = copy_contract.modules(copy_contract.SOURCE)
    assert source and source == copy_contract.modules(copy_contract.COPY), "run scripts/copy_contract.py"


def test_the_documentation_has_every_setting() -> None:
    assert copy_contract.TABLE.read_text(encoding="utf-8") == copy_contract.table(), "run scripts/copy_contract.py"


def test_the_contract_needs_python_and_numpy_alone() -> None:
    for name, text in copy_contract.modules(copy_contract.SOURCE).items():
        depth = len(Path(name).parts)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level <= depth, f"{name} imports from outside the contract"
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                named = (
                    [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                )
                assert {module.split(".")[0] for module in named} <= sys.stdlib_module_names | {"numpy"}, name
