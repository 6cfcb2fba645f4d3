"""``python -m tests.browser gallery``: every page, role, look and state. ``python -m tests.browser pictures``: those of
the documents. Both start servers and a browser of their own, as the tests do."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KINDS = {"gallery": HERE / "gallery.py", "pictures": HERE / "pictures.py"}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in KINDS:
        sys.exit(f"{__doc__}\nUsage: python -m tests.browser {' | '.join(KINDS)}")
    sys.exit(pytest.main(["-q", "-s", "-n", "0", "-p", "no:cacheprovider", str(KINDS[sys.argv[1]])]))
