"""What all tests of pages need."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """AppTest puts the script in the place of the main module, which processes that are forked later would run."""
    yield
    sys.modules["__main__"] = MAIN
