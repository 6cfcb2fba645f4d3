"""A type that two threads meet at once is learned once: msgspec by itself ends the process then."""

from __future__ import annotations

import subprocess
import sys

import pytest

MEET = """
import os
import threading
import traceback
import msgspec
from msgspec import _utils
from fleetcache import decoding

class Core(msgspec.Struct):
    n: int

class Inner(msgspec.Struct):
    core: Core

class Outer(msgspec.Struct):
    one: Inner

class Other(msgspec.Struct):
    one: Inner

def fail(found):
    traceback.print_exception(found.exc_value)
    os._exit(1)

learns, met, read = threading.Event(), threading.Event(), _utils._get_class_annotations

def half_way(cls):
    if cls is Core:
        learns.set()
        met.wait(0.3)
    return read(cls)

def meet(type):
    assert GIVEN.one.core.n == 1
    met.set()

_utils._get_class_annotations = half_way
threading.excepthook = fail
first = threading.Thread(target=meet, args=[FIRST])
first.start()
assert learns.wait(5)
meet(Outer)
first.join()
"""


@pytest.mark.parametrize("first", ["Outer", "Other"])
@pytest.mark.parametrize(
    "given", ['decoding.decode(b\'{"one": {"core": {"n": 1}}}\', type)', 'decoding.convert({"one": {"core": {"n": 1}}}, type)']
)
def test_a_type_that_is_half_learned_is_waited_for(given: str, first: str) -> None:
    """The same one, or one inside of both. In a process of its own, for without that it would end with a signal."""
    program = MEET.replace("GIVEN", given).replace("FIRST", first)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
