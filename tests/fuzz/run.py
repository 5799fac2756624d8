"""Coverage-guided fuzzing of everything that reads files and messages of others.

    python -m tests.fuzz.run                      each target for ten seconds
    python -m tests.fuzz.run --seconds 3600       the long way
    python -m tests.fuzz.run keypoints bvh        these only

Finds inputs that a reader answers with something else than a value or one clear line; leaves them in --output, exits
with 1, and prints how to make a regression case of them. Needs atheris (libFuzzer), which there is for Linux and macOS.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> int:
    """A process for each target: libFuzzer ends the one it runs in."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description="coverage-guided fuzzing")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all of them by default")
    parser.add_argument("--seconds", type=int, default=10, help="for each target (10)")
    parser.add_argument(
        "--runs", type=int, metavar="N", help="so many inputs in place of a time, the same ones each time"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "out" / "fuzz", help="corpus and findings (out/fuzz)")
    args = parser.parse_args()

    from tests.fuzz.targets import CASES, TARGETS

    wanted = [target for target in TARGETS if not args.targets or target.name in args.targets]
    unknown = set(args.targets) - {target.name for target in wanted}
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(t.name for t in TARGETS)}")
    found = 0
    for target in wanted:
        corpus, findings = args.output / target.name / "corpus", args.output / target.name / "findings"
        for folder in (corpus, findings):
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as made:
            for number, path in enumerate(target.seeds(Path(made))):
                (corpus / f"seed-{number}").write_bytes(path.read_bytes())
        before = set(findings.iterdir())
        limit = [f"-runs={args.runs}", "-seed=1"] if args.runs else [f"-max_total_time={args.seconds}"]
        options = [*limit, f"-artifact_prefix={findings}/", "-max_len=400000", "-timeout=20"]
        command = [sys.executable, "-m", "tests.fuzz.run_one", target.name, *options, str(corpus)]
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        new = sorted(set(findings.iterdir()) - before)
        last = [line for line in done.stderr.splitlines() if line.startswith("#") or "Done" in line][-1:]
        print(f"{target.name}: {'; '.join(last) or 'no runs'}{'' if not new and not done.returncode else '  FOUND'}")
        if done.returncode or new:
            found += 1
            print("\n".join(done.stderr.splitlines()[-25:]), file=sys.stderr)
            print(f"fix it, then: cp {' '.join(map(str, new))} {CASES / target.name}/", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
