"""``python -m anacrusis_training``."""

import sys

from anacrusis_training.cli import main

if __name__ == "__main__":
    sys.exit(main())
