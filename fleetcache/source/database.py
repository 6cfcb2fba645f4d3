"""The connection to PostgreSQL: pooled, with deadlines, and with errors a person can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError

from fleetcache.errors import BadSetting
from fleetcache.source.faults import errors
from fleetcache.source.watchdog import Watchdog

MINIMUM_VERSION = 15
LOCK_SECONDS = 0.5
"""How long a read waits for somebody's lock: a locked view must not delay what the tables can answer."""
CHANGE_LOCK_SECONDS = 5
"""How long a change waits for another one of the same rows."""
OURSELVES = "fleetcache"
GRACE_SECONDS = 1.0
"""How much later than the server's own time-out ours comes."""


def checked_url(url: str, *, setting: str = "DATABASE_URL") -> str:
    """``url`` in the form the driver takes. Raises BadSetting naming ``setting`` and the fault."""
    try:
        parsed = make_url(url)
        port = parsed.port
    except (ArgumentError, ValueError) as error:
        # What the parser says may quote the URL, and with it the password.
        raise BadSetting(f"{setting} is not a database URL: it cannot be parsed.") from error
    if parsed.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise BadSetting(
            f"{setting} starts with “{parsed.drivername}://”; fleetcache needs postgresql://."
        )
    if port is not None and not 0 < port < 65536:
        raise BadSetting(f"{setting} has the port {port}, which is not between 1 and 65535.")
    if not parsed.database:
        raise BadSetting(f"{setting} names no database (…/NAME at its end).")
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def plain_url(url: str) -> str:
    """``url`` as psycopg itself takes it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


class Database:
    """A pool of connections.

    ``connect_seconds`` and ``statement_seconds`` bound how long a caller can be kept waiting for
    a connection and for one statement, also by a server that hangs.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_seconds: float = 2.0,
        statement_seconds: float = 15.0,
        pool_size: int = 8,
    ) -> None:
        self.url = checked_url(url)
        self._connect_seconds = connect_seconds
        self._statement_seconds = statement_seconds
        self._watchdog = Watchdog()
        self._engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=connect_seconds,
            pool_use_lifo=True,
            connect_args={"connect_timeout": max(1, round(connect_seconds)), "prepare_threshold": 2},
        )
        event.listen(self._engine, "connect", self._prepare)
        event.listen(self._engine, "checkout", self._ping)
        event.listen(self._engine, "before_cursor_execute", self._watch)
        event.listen(self._engine, "after_cursor_execute", self._unwatch)
        event.listen(self._engine, "handle_error", self._unwatch_failed)
        event.listen(self._engine, "invalidate", self._forget)
        event.listen(self._engine, "close", self._forget)

    def _prepare(self, connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('search_path', 'fleetcache, pg_temp', false),"
                " set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false),"
                f" set_config('statement_timeout', '{int(self._statement_seconds * 1000)}', false),"
                f" set_config('lock_timeout', '{int(LOCK_SECONDS * 1000)}', false),"
                " set_config('application_name', 'fleetcache', false),"
                " set_config('work_mem', '64MB', false)"  # the facts of a large fleet else sort on disk
            )
        connection.commit()

    def _ping(self, connection: Any, _record: Any, _proxy: Any) -> None:
        """Find out that a pooled connection is dead, or hangs, before a query does."""
        if connection.closed:
            raise DisconnectionError("the connection was closed")
        with self._watchdog.limit(connection.fileno(), self._connect_seconds):
            answer = connection.pgconn.exec_(b"")
        if answer.status != psycopg.pq.ExecStatus.EMPTY_QUERY:
            raise DisconnectionError("the connection was lost")

    def _watch(self, connection: Connection, *_more: Any) -> None:
        driver: Any = connection.connection.driver_connection
        seconds = connection.info.get("seconds", self._statement_seconds) + GRACE_SECONDS
        connection.info["ticket"] = self._watchdog.begin(driver.fileno(), seconds)

    def _unwatch(self, connection: Connection, *_more: Any) -> None:
        self._watchdog.end(connection.info.pop("ticket", None))

    def _unwatch_failed(self, context: ExceptionContext) -> None:
        if context.connection is not None and not context.connection.invalidated:
            self._unwatch(context.connection)

    def _forget(self, _connection: Any, record: Any, *_error: Any) -> None:
        """Before a socket is closed its number must not be watched any more: the next socket gets it."""
        self._watchdog.end(record.info.pop("ticket", None))

    @contextmanager
    def snapshot(self, *, role: str | None = None, today: date | None = None) -> Iterator[Connection]:
        """A read-only transaction in which every statement sees the same instant.

        ``role`` is the signed-in role that row-level security asks for; ``today`` counts as of
        another day. Both end with the transaction. Raises SourceDown or NotMigrated.
        """
        with errors(), self._engine.connect().execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ) as connection:
            if role is not None:
                _set_local(connection, "fleetcache.role", role)
            if today is not None:
                _set_local(connection, "fleetcache.today", today.isoformat())
            yield connection

    def rows(
        self, query: str, values: Mapping[str, Any], *, role: str, today: date | None = None
    ) -> list[dict[str, Any]]:
        """The rows of one query, in the driver's own form of it (``%(name)s``), read as in a ``snapshot``.

        The transaction goes to the server and comes back in one exchange: one after the other its four commands take
        three times as long, most of it waiting for Python's lock again. Raises SourceDown or NotMigrated, Invalid for
        values that the query cannot take.
        """
        with errors(), self._engine.connect().execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ) as connection:
            driver: Any = connection.connection.driver_connection
            limit = self._watchdog.limit(driver.fileno(), self._statement_seconds + GRACE_SECONDS)
            with _given_up(connection, driver), driver.cursor(row_factory=dict_row) as cursor:
                with limit, driver.pipeline():
                    # One plan for all values of filters of which each may be left out took 8 s where 25 ms do.
                    driver.execute(
                        "SELECT set_config('fleetcache.role', %s, true), set_config('fleetcache.today', %s, true),"
                        " set_config('plan_cache_mode', 'force_custom_plan', true)",
                        (role, today.isoformat() if today else ""),
                    )
                    cursor.execute(query, values)
                    driver.execute("COMMIT")
                found: list[dict[str, Any]] = cursor.fetchall()
                return found

    @contextmanager
    def statement(self, *, seconds: float | None = None) -> Iterator[Connection]:
        """A connection on which every statement is its own transaction.

        ``seconds`` allows each of them longer, or less, than the usual deadline.
        """
        with errors(), self._engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            if seconds is None:
                yield connection
                return
            self._deadline(connection, seconds)
            try:
                yield connection
            finally:
                if not connection.invalidated:
                    self._deadline(connection, self._statement_seconds)

    @contextmanager
    def change(self, *, actor: str = OURSELVES, role: str = "") -> Iterator[Connection]:
        """A transaction that commits at the end, or not at all.

        ``actor`` is who the audit names for it: what is written without one counts as done from outside.
        ``role`` is the signed-in role that row-level security asks for. Raises SourceDown or NotMigrated,
        Invalid for what a constraint refuses.
        """
        with errors(waits=True), self._engine.connect() as connection:
            with self._ending(connection):
                _set_local(connection, "fleetcache.actor", actor)
                if role:
                    _set_local(connection, "fleetcache.role", role)
                    _set_local(connection, "lock_timeout", f"{CHANGE_LOCK_SECONDS}s")
                yield connection
            self._limited(connection, connection.commit)

    @contextmanager
    def trial(self, *, role: str) -> Iterator[Connection]:
        """A transaction, in one snapshot, to look at what a change would do; nothing of it stays. Raises as
        ``change``."""
        with (
            errors(waits=True),
            self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
        ):
            with self._ending(connection):
                _set_local(connection, "fleetcache.actor", OURSELVES)
                _set_local(connection, "fleetcache.role", role)
                yield connection
            self._limited(connection, connection.rollback)

    @contextmanager
    def _ending(self, connection: Connection) -> Iterator[None]:
        """Roll back when a block fails, without waiting for ever for a server that hangs."""
        try:
            yield
        except BaseException:
            if not connection.invalidated and not connection.closed:
                self._limited(connection, connection.rollback)
            raise

    def _limited(self, connection: Connection, end: Callable[[], None]) -> None:
        driver: Any = connection.connection.driver_connection
        with self._watchdog.limit(driver.fileno(), self._statement_seconds + GRACE_SECONDS):
            end()

    def _deadline(self, connection: Connection, seconds: float) -> None:
        usual = seconds == self._statement_seconds
        locks = LOCK_SECONDS if usual else seconds
        connection.info["seconds"] = seconds
        connection.exec_driver_sql(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
            (str(int(seconds * 1000)), str(int(locks * 1000))),
        )

    def role(self) -> str:
        """The role that the app works as."""
        with self.statement() as connection:
            return str(connection.exec_driver_sql("SELECT current_user").scalar_one())

    def version(self) -> int:
        """Major version of the server."""
        with self.statement() as connection:
            return int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10000

    def renew(self) -> None:
        """Use none of the idle connections again: they may lead to the server of before."""
        self._engine.dispose()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


@contextmanager
def _given_up(connection: Connection, driver: Any) -> Iterator[None]:
    """Take a connection that is lost out of the pool; SQLAlchemy sees only what goes through its own hands."""
    try:
        yield
    except psycopg.Error:
        if driver.closed:
            connection.invalidate()
        raise


def _set_local(connection: Connection, name: str, value: str) -> None:
    connection.exec_driver_sql("SELECT set_config(%s, %s, true)", (name, value))
