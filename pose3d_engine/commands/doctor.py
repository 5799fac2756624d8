"""``pose3d doctor``: the state of the installation, and the commands that solve its problems."""

from __future__ import annotations

import argparse
import json
import sys

from ..contract.errors import UserError
from ..service.diagnosis import NEEDED, report

HELP = "show packages, device and weights, and what is missing with the command that installs it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def execute(args: argparse.Namespace) -> None:
    """Prints the report; raises UserError if it has problems."""
    state = report()
    if args.json:
        print(json.dumps(state, indent=1))
    else:
        print(f"engine {state['engine']}, Python {state['python']} ({state['executable']})")
        print(f"device {state['device']}" + (f" ({state['device_note']})" if state["device_note"] else ""))
        for package, version in state["packages"].items():
            print(f"  {package:24} {version or 'MISSING'}")
        print("sources of 2D")
        for source in state["sources"]:
            gives = ", ".join([source["layout"], *source["gives"]])
            print(f"  {source['name']:32} {'-' if source['missing'] else 'ready':6} {source['licence']}; {gives}")
            if source["missing"]:
                print(f"  {'':39} {source['missing']}: {source['install_hint']}")
        print("weights")
        for entry in state["weights"]:
            mark = "default " if entry["name"] in NEEDED else ""
            print(f"  {entry['name']:32} {'ready' if entry['present'] else '-':6} {mark}{entry['licence']}")
    if state["problems"]:
        for problem in state["problems"]:
            print(f"problem: {problem['what']}\n  solve it with: {problem['install_hint']}", file=sys.stderr)
        raise UserError(f"{len(state['problems'])} problem(s); see above")
    if not args.json:
        print("no problems found")
