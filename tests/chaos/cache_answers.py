"""What a server may answer that is not what it should: lines of Redis, bytes of anybody, and payloads."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from fleetcache.cache.codec import decode
from fleetcache.cache.envelope import Envelope
from tests.chaos.cache_rig import EPOCH, FIRST_DAY, SCHEMA, TOPIC

REFUSALS = {
    "-READONLY You can't write against a read only replica.": "readonly",
    "-LOADING Redis is loading the dataset in memory": "loading",
    "-OOM command not allowed when used memory > 'maxmemory'.": "full",
    "-NOAUTH Authentication required.": "auth",
    "-WRONGPASS invalid username-password pair or user is disabled.": "auth",
    "-NOPERM User default has no permissions to run the 'get' command": "auth",
    "-MOVED 3999 127.0.0.1:6381": "moved",
    "-ASK 3999 127.0.0.1:6381": "moved",
    "-TRYAGAIN Multiple keys request during rehashing of slot": "moved",
    "-CLUSTERDOWN The cluster is down": "moved",
    "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": "moved",
    "-BUSY Redis is busy running a script.": "refused",
    "-MISCONF Errors writing to the AOF file: No space left on device": "refused",
    "-WRONGTYPE Operation against a key holding the wrong kind of value": "refused",
    "-ERR unknown command": "refused",
    "-ERR max number of clients reached": "down",
}
"""An error line, and the reason that is counted."""

GARBAGE = {
    b"": "timeout",
    b"\r\n": "down",
    b"\x00\xff\xfe\r\n": "garbled",
    b"HTTP/1.1 400 Bad Request\r\n\r\n": "garbled",
    b"$abc\r\n": "garbled",
    b"$-1\r\n": "timeout",
    b"$5\r\nab": "timeout",
    b"$999999999999\r\n": "timeout",
    b"*0\r\n": "garbled",
    b"*-1\r\n": "garbled",
    b"*999999999\r\n": "timeout",
    b"*1\r\n$3\r\nabc\r\n": "garbled",
    b"*2\r\n:0\r\n$3\r\nabc\r\n": "garbled",
    b"*2\r\n:7\r\n_\r\n": "garbled",
    b"*1\r\n" * 5000 + b"+x\r\n": "garbled",
    b"~1\r\n+a\r\n": "garbled",
    b"%1\r\n": "timeout",
    b"%1\r\n*0\r\n+x\r\n": "garbled",
    b"|1\r\n+a\r\n+b\r\n$1\r\nx\r\n": "garbled",
    b">0\r\n": "garbled",
    b">1\r\n:5\r\n": "timeout",
    b">2\r\n$10\r\ninvalidate\r\n_\r\n": "timeout",
    b">3\r\n+message\r\n+a\r\n+b\r\n": "timeout",
    b":7\r\n": "garbled",
    b"(999\r\n": "garbled",
    b",1.5\r\n": "garbled",
    b",x\r\n": "garbled",
    b"#t\r\n": "garbled",
    b"_\r\n": "absent",
    b"+OK\r\n": "unreadable",
    b"+OK\r\n+OK\r\n": "unreadable",
    b"=8\r\ntxt:abcd\r\n": "unreadable",
    b"-\r\n": "refused",
    b"!5\r\nERR x\r\n": "refused",
}
"""Bytes in place of a reply, and the reason that is counted when it was one to GET."""


@dataclass(frozen=True)
class Payload:
    """What lies under our key in place of what we put there, and the reason that is counted."""

    reason: str
    change: Callable[[bytes], bytes]


def _other(**fields: object) -> Callable[[bytes], bytes]:
    """The same envelope with other fields."""

    def change(data: bytes) -> bytes:
        return msgspec.json.encode({**decode("", data, dict), **fields})

    return change


def _relabelled(**fields: object) -> Callable[[bytes], bytes]:
    """The same envelope with another label."""

    def change(data: bytes) -> bytes:
        envelope = decode("", data, dict)
        return msgspec.json.encode({**envelope, "label": {**envelope["label"], **fields}})

    return change


def _inside(payload: bytes) -> Callable[[bytes], bytes]:
    """The same envelope around other bytes."""

    def change(data: bytes) -> bytes:
        envelope = decode("", data, Envelope[msgspec.Raw])
        start, end = data.split(bytes(envelope.payload), 1)
        return start + payload + end

    return change


def _squeezed(data: bytes) -> bytes:
    return b"z:" + zlib.compress(data)


PAYLOADS = {
    "nothing": Payload("unreadable", lambda data: b""),
    "cut short": Payload("unreadable", lambda data: data[:-7]),
    "with more behind it": Payload("unreadable", lambda data: data + b"}"),
    "not JSON": Payload("unreadable", lambda data: b"\x80\x04\x95pickle."),
    "another program's JSON": Payload("unreadable", lambda data: b'{"number":1}'),
    "an array": Payload("unreadable", lambda data: b"[]"),
    "null": Payload("unreadable", lambda data: b"null"),
    "a field too many": Payload("unreadable", _other(more=1)),
    "a moment that is a word": Payload("unreadable", _other(expiresAt="soon")),
    "nested without end": Payload("unreadable", lambda data: b"[" * 100_000),
    "squeezed and cut short": Payload("unreadable", lambda data: _squeezed(data)[:-9]),
    "squeezed garbage": Payload("unreadable", lambda data: b"z:" + data),
    "a squeezed bomb": Payload("unreadable", lambda data: _squeezed(b" " * (65 << 20))),
    "a value of another shape": Payload("unreadable", _inside(b'{"number":"one"}')),
    "a value cut short": Payload("unreadable", _inside(b'{"number":1')),
    "a value that is no UTF-8": Payload("unreadable", _inside(b'{"number":1,"text":"\xff\xfe"}')),
    "a value nested without end": Payload("unreadable", _inside(b'{"x":' * 50_000 + b"1" + b"}" * 50_000)),
    "another key's": Payload("foreign", _other(key="k2")),
    "another schema's": Payload("foreign", _other(schema=f"{SCHEMA}0")),
    "a label that is none": Payload("unreadable", _other(label={"epoch": EPOCH})),
    "a program's of before": Payload("unreadable", _other(epoch=EPOCH, dayEndsAt=1.0)),
}

LABELLED = {
    "another database's": Payload("epoch", _relabelled(epoch=f"not {EPOCH}")),
    "yesterday's": Payload("day", _relabelled(day=str(FIRST_DAY - timedelta(days=1)))),
    "from before a change": Payload("changed", _relabelled(versions={TOPIC: 0})),
    "of no known state": Payload("unproven", _other(label=None)),
}
"""The same of values that are proven by their label."""
