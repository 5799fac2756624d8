"""The command line: ``python -m pose3d_engine``, also installed as ``pose3d``."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence

from . import interrupts
from .contract.command_line import Parser
from .contract.errors import INCOMPLETE, OUT_OF_MEMORY, UserError, out_of_memory, out_of_reach
from .contract.version import __version__

COMMANDS = {
    **{name: f".commands.{name}" for name in ("run", "batch", "detect", "people", "lift")},
    "import": ".commands.import_",
    **{name: f".research.commands.{name}" for name in ("evaluate", "train", "render", "measure")},
    **{name: f".commands.{name}" for name in ("weights", "cache", "doctor", "serve")},
}
"""Module by command."""


def _available(name: str) -> bool:
    """Whether a command is part of this engine: the add-on's leaves out the research."""
    return not COMMANDS[name].startswith(".research") or importlib.util.find_spec(".research", __package__) is not None


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. Returns the exit status: 0 done, 1 a fault, 2 bad usage or bad input, 130 interrupted."""
    # TensorFlow Lite's messages about the processor help nobody here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("GLOG_minloglevel", "2")
    # Before numpy is imported: its threads spin between the small products of tracking, and keep a core from Blender.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Only the given command is imported: torch and MediaPipe take seconds.
    wanted = next((argument for argument in arguments if not argument.startswith("-")), None)
    try:
        if wanted not in COMMANDS:
            return _run(arguments, filter(_available, COMMANDS))
        if not _available(wanted):
            raise UserError("not part of the installed engine; run it in a checkout of the project")
        return _run(arguments, (wanted,))
    except BrokenPipeError:
        # The reader of our stdout has closed it (`pose3d weights list | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:
        if isinstance(error, UserError):
            said, status = str(error), 2
        elif out_of_memory(error):
            said, status = OUT_OF_MEMORY, 1
        elif isinstance(error, OSError) and error.errno is not None:
            said, status = str(out_of_reach(error)), 2
        elif isinstance(error, ImportError):
            said, status = f"{error}; {INCOMPLETE}", 1
        else:
            raise
        print(f"pose3d {wanted}: {said}", file=sys.stderr)
        return status
    except KeyboardInterrupt:
        print(f"pose3d {wanted}: interrupted", file=sys.stderr)
        return 130


def _run(arguments: list[str], known: Iterable[str]) -> int:
    """Parses the arguments with the options of the ``known`` commands, and executes one command."""
    parser = Parser(prog="pose3d", description="An ordinary video of a person becomes 3D motion.")
    parser.add_argument("--version", action="version", version=f"pose3d {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    modules = {}
    for name in known:
        modules[name] = importlib.import_module(COMMANDS[name], __package__)
        summary = modules[name].HELP
        modules[name].add_arguments(commands.add_parser(name, help=summary, description=summary))
    args = parser.parse_args(arguments)
    if args.command != "serve":  # it has no half-written files to remove, and ends at once
        interrupts.raise_on_signals()
    modules[args.command].execute(args)
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
