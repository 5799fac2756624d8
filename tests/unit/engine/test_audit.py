"""scripts/audit.py: a vulnerability that nobody has accepted fails, and an unreachable database does not."""

import importlib.util

import pytest

from tests.support import ROOT

SCRIPT = ROOT / "scripts" / "audit.py"
VULNERABLE = [
    {"name": "safe", "version": "1", "vulns": []},
    {"name": "soft", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]},
    {"name": "unknown", "skip_reason": "not found"},
]


@pytest.mark.parametrize(
    ("packages", "accepted", "status"),
    [(VULNERABLE, {}, 1), (VULNERABLE, {"PYSEC-1": "never called"}, 0), (VULNERABLE[::2], {}, 0), ([], {}, 0)],
)
def test_only_what_nobody_accepted_fails(packages, accepted, status, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    audit = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(audit)
    monkeypatch.setattr(audit, "found", lambda folder: packages)
    monkeypatch.setattr(audit, "ACCEPTED", accepted)
    assert audit.main() == status
    printed = capsys.readouterr().out
    assert ("PYSEC-1" in printed) == (VULNERABLE[1] in packages)
    if status:
        assert "soft 2: PYSEC-1: fixed in 3" in printed
