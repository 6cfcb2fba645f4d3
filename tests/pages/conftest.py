"""What all tests of pages need."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """AppTest puts the script in the place of the main module, which processes that are forked later would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
