"""``pose3d serve``: the engine as a subprocess of the add-on."""

from __future__ import annotations

import argparse

HELP = "the engine on stdin and stdout, for the add-on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments."""


def execute(args: argparse.Namespace) -> None:
    """Serves until stdin closes."""
    from ..service.server import serve

    serve()
