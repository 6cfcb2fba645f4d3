"""``python -m tests.freshness``: real processes, real faults, and a judge."""

import sys

from tests.freshness.run import main

if __name__ == "__main__":
    sys.exit(main())
