"""`python -m synthdsl` is `synthdsl`."""

from __future__ import annotations

import sys

from synthdsl.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
