"""``python -m pose3d_engine.research.rendering`` is ``pose3d render``."""

import sys

from ...__main__ import main

if __name__ == "__main__":
    sys.exit(main(["render", *sys.argv[1:]]))
