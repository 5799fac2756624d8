"""Known vulnerabilities of what `constraints.txt` pins, by pip-audit: part of `.ci/run`.

Exit status 1 if there is one that :data:`ACCEPTED` does not name. Where the database of vulnerabilities cannot be
reached, that is said, and the list stands as it was last looked through: tests/unit/engine/test_house.py holds that
every package the engine imports is pinned, and that docs/contributor/security.md says what it is for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

TOOL = "pip-audit==2.10.1"

ACCEPTED: dict[str, str] = {}
"""Identifier of a vulnerability -> why it does not reach our users."""


def found(folder: Path) -> list[dict]:
    """pip-audit's records, one a package. It lives in an environment of its own: it brings thirty packages."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    subprocess.run([python, "-m", "pip", "install", "-qqq", "--disable-pip-version-check", TOOL], check=True)
    words = ["-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(
        [python, *words, "-r", ROOT / "constraints.txt"], capture_output=True, text=True, check=False, timeout=300
    )
    try:
        return json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        print(f"audit: the database of vulnerabilities cannot be reached ({lines[-1]})", file=sys.stderr)
        return []


def main() -> int:
    """Prints a line for each vulnerability and one of counts."""
    with tempfile.TemporaryDirectory() as temporary:
        packages = found(Path(temporary) / "audit")
    known = [(package, entry) for package in packages for entry in package.get("vulns", [])]
    for package, entry in known:
        verdict = ACCEPTED.get(entry["id"]) or f"fixed in {', '.join(entry['fix_versions']) or 'no version yet'}"
        print(f"{package['name']} {package['version']}: {entry['id']}: {verdict}")
    reached = sum("vulns" in package for package in packages)
    print(f"audit: {reached} packages looked up, {len(packages) - reached} that the database was not reached for")
    return int(any(entry["id"] not in ACCEPTED for _, entry in known))


if __name__ == "__main__":
    sys.exit(main())
