"""Checks: one question to the primary, on a connection of its own, with a deadline that holds."""

from __future__ import annotations

import select
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import psycopg
from psycopg import pq

from fleetcache.errors import NotMigrated, SourceDown
from fleetcache.label import Label
from fleetcache.source import labels
from fleetcache.source.database import plain_url
from fleetcache.source.faults import readable

CONNECT_SECONDS = 2.0
_QUICK, _FULL = b"quick", b"full"
# Whatever plan serves a handful of rows serves always.
_SESSION = (
    b"SET plan_cache_mode = force_generic_plan; SET DateStyle = ISO;"
    # What nobody waits for any more must not go on waiting in the server.
    b" SET lock_timeout = '200ms'; SET statement_timeout = '1s'"
)


@dataclass(frozen=True)
class _Last:
    """The last full answer: when it was given, and when its day ends (seconds since the epoch, by the
    clock of the server)."""

    life: str
    total: str
    label: Label
    at: float
    ends_at: float


class Checks:
    """Asks for the label of now. One caller at a time.

    The driver itself waits for an answer for as long as the socket is open, half-open ones included;
    here nobody waits for longer than ``seconds``, and a connection that was too slow is not used again.
    """

    def __init__(self, url: str, *, seconds: float) -> None:
        self._url = plain_url(url)
        self._seconds = seconds
        self._connection: psycopg.Connection | None = None
        self._server = ""
        self._last: _Last | None = None

    @property
    def connected(self) -> bool:
        """Whether the next question needs no new connection."""
        return self._connection is not None

    def connect(self) -> None:
        """Connect, if need be. Raises SourceDown or NotMigrated."""
        if self._connection is not None:
            return
        try:
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=round(CONNECT_SECONDS),
                application_name="fleetcache check",
            )
            self._answer(lambda server: server.send_query(_SESSION))
            server = self._answer(lambda server: server.send_query(f"SELECT {labels.SERVER}".encode()))
            self._server = (server.get_value(0, 0) or b"").decode()
            self._answer(lambda server: server.send_prepare(_QUICK, labels.QUICK.encode()))
            self._answer(lambda server: server.send_prepare(_FULL, labels.FULL.encode()))
        except psycopg.Error as error:
            self.close()
            raise readable(error) from error
        except BaseException:
            self.close()
            raise

    def ask(self) -> tuple[Label, float]:
        """The label of now, and for how many seconds its day lasts. A connection that was closed since
        the last question is made anew. Raises SourceDown or NotMigrated."""
        used = self._connection is not None
        self.connect()
        try:
            try:
                return self._ask()
            except psycopg.OperationalError:
                if not used or self._connected():
                    raise
                self.close()
                self.connect()
                return self._ask()
        except psycopg.Error as error:
            self.close()
            raise readable(error) from error
        except BaseException:
            self.close()
            raise

    def _ask(self) -> tuple[Label, float]:
        life, total, now = self._row(_QUICK)
        last = self._last
        if last is not None and (life, total) == (last.life, last.total) and last.at <= float(now or 0) < last.ends_at:
            return last.label, last.ends_at - float(now or 0)
        life, total, ends_at, day, versions, now = self._row(_FULL)
        label = labels.parse(f"{self._server}.{life}", day, versions)
        if life is None or total is None:
            raise NotMigrated("The database does not say which life of it this is.")
        self._last = _Last(life, total, label, float(now or 0), float(ends_at or 0))
        return label, self._last.ends_at - self._last.at

    def _row(self, question: bytes) -> tuple[str | None, ...]:
        answer = self._answer(lambda server: server.send_query_prepared(question, None))
        if not answer.ntuples:
            raise NotMigrated("The database has no setting fleet_time_zone.")
        values = (answer.get_value(0, place) for place in range(answer.nfields))
        return tuple(None if value is None else value.decode() for value in values)

    def _connected(self) -> bool:
        return self._connection is not None and self._connection.pgconn.status == pq.ConnStatus.OK

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection, self._last = self._connection, None, None
        if connection is not None:
            connection.close()

    def _answer(self, send: Callable[[pq.abc.PGconn], None]) -> pq.abc.PGresult:
        """What a command gives, within the deadline."""
        assert self._connection is not None
        server = self._connection.pgconn
        ends = monotonic() + self._seconds
        watch = select.poll()
        send(server)
        watch.register(server.socket, select.POLLIN)
        answer = None
        while True:
            while server.is_busy():
                # What has come by now counts: perhaps it was this thread that was kept waiting.
                if not watch.poll(max(0.0, ends - monotonic()) * 1000):
                    raise SourceDown("PostgreSQL took too long to answer a check.")
                server.consume_input()
            following = server.get_result()
            if following is None:
                break
            answer = following
        if answer is None or server.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError("the connection was closed")
        if answer.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            raise psycopg.errors.error_from_result(answer)
        return answer
