"""The command line in trouble: a sentence that names the fault and a way out, never a traceback,
and nothing touched that is not ours."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import redis
from click.testing import CliRunner, Result

from fleetcache import embedded
from fleetcache.cli import main
from fleetcache.source.seed import seed
from tests.conftest import TestDatabase
from tests.live import App, environment, run

Cli = Callable[..., Result]


@pytest.fixture
def cli(servers: embedded.Servers, prefix: str, tmp_path: Path) -> Cli:
    """``python -m fleetcache`` within this process; an end that is not an exit fails the test."""

    def call(*arguments: str, database: TestDatabase | None = None, **settings: str | None) -> Result:
        env: dict[str, str | None] = {
            name: None for name in os.environ if name.startswith("FLEETCACHE_")
        }
        env |= {"DATABASE_URL": None, "REDIS_URL": servers.redis_url, "FLEETCACHE_PREFIX": prefix}
        env |= {"FLEETCACHE_HOME": str(tmp_path / "home"), "FLEETCACHE_REDIS_COMMAND_MS": "1000"}
        if database is not None:
            env["DATABASE_URL"] = database.owner_url
        found = CliRunner().invoke(main, arguments, env={**env, **settings})
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found

    return call


def said(result: Result) -> str:
    return result.stdout + result.stderr


BAD_URLS = [
    ("DATABASE_URL", "nonsense", "cannot be parsed"),
    ("DATABASE_URL", "mysql://h/d", "mysql"),
    ("DATABASE_URL", "postgresql://u:s3cret@h:99999/d", "99999"),
    ("DATABASE_URL", "postgresql://u:s3cret@h:port/d", ""),
    ("DATABASE_URL", "postgresql://h", "no database"),
    ("REDIS_URL", "http://h", "http"),
    ("REDIS_URL", "redis://", "no host"),
    ("REDIS_URL", "redis://u:s3cret@h:port", ""),
    ("REDIS_URL", "redis://h:99999", ""),
    ("REDIS_URL", "redis://h/zero", "zero"),
    ("REDIS_URL", "redis://[bad", ""),
    ("REDIS_URL", "unix://", "socket"),
]
BAD_SETTINGS = [
    ("FLEETCACHE_PROFILE", "huge", "tiny"),
    ("FLEETCACHE_PREFIX", "a b*", ""),
    ("FLEETCACHE_REDIS_COMMAND_MS", "soon", ""),
    ("FLEETCACHE_REDIS_CONNECT_MS", "0", ""),
]


@pytest.mark.parametrize("command", ["settings", "health", "urls"])
@pytest.mark.parametrize(("name", "value", "fault"), [*BAD_URLS, *BAD_SETTINGS])
def test_a_bad_setting_is_named_with_its_fault(
    cli: Cli, command: str, name: str, value: str, fault: str
) -> None:
    """One line with the setting and what is wrong with it, by every command; no password in it, and
    no server started before."""
    other = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1"}
    result = cli(command, **{**other, name: value})
    assert result.exit_code not in (0, None)
    line = next((line for line in said(result).splitlines() if line.startswith("Error: ")), "")
    assert name in line and fault in line, said(result)
    assert "s3cret" not in said(result)


def test_a_bad_setting_ends_the_program_without_a_traceback(tmp_path: Path) -> None:
    """As a process, from the shell."""
    ended = run("health", env=environment(tmp_path, REDIS_URL="http://x"))
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert "REDIS_URL" in ended.stderr


def test_the_dashboards_do_not_open_on_a_bad_setting() -> None:
    """`streamlit run app.py` ends with the sentence as its last words, and no traceback above it."""
    app = App(DATABASE_URL="nonsense", REDIS_URL="redis://127.0.0.1:1")
    try:
        assert app.process.wait(30) != 0
        assert "DATABASE_URL is not a database URL" in app.said
        assert "Traceback" not in app.said
    finally:
        app.close()


def test_a_taken_port_is_named() -> None:
    """Whoever has it, the line says which port it is, and no server is left behind."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        app = App(port=port)
        try:
            assert app.process.wait(30) != 0
            assert f"Port {port}" in app.said
            assert "Traceback" not in app.said
            assert not (app.home / "data").exists(), "servers were started for nothing"
        finally:
            app.close()


def test_settings_say_where_each_came_from_and_hide_passwords(cli: Cli) -> None:
    url = "postgresql://crew:s3cret@db.example/fleet"
    result = cli("settings", DATABASE_URL=url, REDIS_URL="rediss://:s3cret@cache.example")
    assert result.exit_code == 0
    lines = {line.partition("=")[0]: line for line in result.stdout.splitlines()}
    assert "s3cret" not in result.stdout
    assert "crew:***@db.example/fleet" in lines["DATABASE_URL"]
    assert "(environment)" in lines["DATABASE_URL"]
    assert "(default)" in lines["FLEETCACHE_PROFILE"]


@pytest.mark.parametrize(
    "url",
    ["postgresql://db.example/fleet?user=crew&password=s3cret", "postgresql://crew:s3%40cret@db.example/fleet",
     "postgresql://crew:s3cret@[bad/fleet"],
)  # fmt: skip
def test_a_password_is_hidden_wherever_it_stands_in_the_url(cli: Cli, url: str) -> None:
    """libpq takes it as a parameter as well."""
    assert "s3" not in said(cli("settings", DATABASE_URL=url))


def test_an_unknown_variable_is_warned_of(cli: Cli) -> None:
    """A typo must not be silently without effect."""
    result = cli("settings", FLEETCACHE_PREFX="x")
    assert result.exit_code == 0
    assert "FLEETCACHE_PREFX" in result.stderr and "Warning" in result.stderr


def test_a_home_that_cannot_be_used_is_named(cli: Cli, tmp_path: Path) -> None:
    """Root may write everywhere, so the home is put below a file."""
    (tmp_path / "file").write_text("")
    home = tmp_path / "file" / "home"
    result = cli("health", REDIS_URL=None, FLEETCACHE_HOME=str(home))
    assert result.exit_code not in (0, None)
    assert str(home) in said(result) and "FLEETCACHE_HOME" in said(result)


def test_urls_say_where_the_servers_are_or_that_nothing_runs(cli: Cli, live: App, live_database: TestDatabase) -> None:
    result = cli("urls", REDIS_URL=None)
    assert result.exit_code != 0
    assert "Nothing runs" in said(result)
    ended = run("urls", env=live.env)
    assert ended.returncode == 0
    urls = dict(line.split("=", 1) for line in ended.stdout.splitlines())
    assert urls["DATABASE_URL"] == live_database.owner_url
    with psycopg.connect(urls["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT count(*) FROM fleetcache.pilots WHERE active").fetchone()
    assert row == (live.get("/api/dashboard/metrics")["pilots"]["active"],)
    assert redis.Redis.from_url(urls["REDIS_URL"]).ping()


def test_health_exits_0_1_2(cli: Cli, demo: TestDatabase) -> None:
    """Healthy, degraded, down: what a cron job can act on."""
    nobody = "redis://127.0.0.1:1"
    healthy = cli("health", database=demo)
    assert (healthy.exit_code, healthy.stdout.split(":")[0]) == (0, "healthy")
    degraded = cli("health", database=demo, REDIS_URL=nobody)
    assert (degraded.exit_code, degraded.stdout.split(":")[0]) == (1, "degraded")
    down = cli("health", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", REDIS_URL=nobody)
    assert (down.exit_code, down.stdout.split(":")[0]) == (2, "down")


def everything(database: TestDatabase) -> list[tuple[object, ...]]:
    return database.rows(
        "SELECT n.nspname, c.relname, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1, 2"
    ) + database.rows("SELECT setrole::regrole::text, setconfig::text FROM pg_db_role_setting ORDER BY 1, 2")


THEIRS = {
    "table": "CREATE TABLE public.invoices (id int)",
    "view": "CREATE VIEW public.invoices AS SELECT 1 AS id",
    "sequence": "CREATE SEQUENCE public.invoice_numbers",
    "table in a schema": "CREATE SCHEMA theirs CREATE TABLE invoices (id int)",
}


@pytest.mark.parametrize("what", THEIRS)
@pytest.mark.parametrize("command", ["migrate", "seed"])
def test_somebody_elses_database_is_refused_and_left_alone(
    cli: Cli, make_database: Callable[..., TestDatabase], command: str, what: str
) -> None:
    """A wrong DATABASE_URL must not cost anybody their data."""
    theirs = make_database()
    theirs.sql(THEIRS[what])
    before = everything(theirs)
    result = cli(command, database=theirs)
    assert result.exit_code not in (0, None)
    assert "not ours" in said(result) and "DATABASE_URL" in said(result)
    assert everything(theirs) == before


def test_a_database_with_pilots_of_its_own_is_never_seeded(cli: Cli, database: TestDatabase) -> None:
    """Not even on request."""
    database.sql(
        "INSERT INTO fleets VALUES ('X', 'X', 1, 1, 1, 1, 1)",
        "INSERT INTO bases VALUES ('HOM', 'Home')",
        "INSERT INTO contract_types VALUES ('FULL', 'Full-time', NULL, NULL)",
        "INSERT INTO pilots (fleet, base, contract, rank, licence, commenced_on, seniority)"
        " VALUES ('X', 'HOM', 'FULL', 'captain', 'ATPL', '2020-01-01', 1)",
    )
    before = database.rows("SELECT * FROM pilots")
    for arguments in (["seed"], ["seed", "--renew"], ["seed", "--renew", "--profile", "tiny"]):
        result = cli(*arguments, database=database, FLEETCACHE_PROFILE="tiny")
        assert result.exit_code not in (0, None), said(result)
        assert "never touched" in said(result)
    assert database.rows("SELECT * FROM pilots") == before
    assert database.rows("SELECT * FROM fleets WHERE code <> 'X'") == []


def test_an_empty_database_of_the_user_stays_empty_unless_asked(cli: Cli, database: TestDatabase) -> None:
    """Spec section 8: a user's DATABASE_URL is seeded with nothing by default."""
    assert cli("migrate", database=database).exit_code == 0
    assert database.rows("SELECT count(*) FROM pilots") == [(0,)]


@pytest.fixture
def yesterday(database: TestDatabase) -> Iterator[TestDatabase]:
    """A small airline that was seeded on the day before."""
    with database.owner() as connection:
        row = connection.execute("SELECT today()").fetchone()
        assert row is not None
        seed(connection, profile="tiny", as_of=row[0] - timedelta(days=1))
    yield database


def as_of(database: TestDatabase) -> int:
    """How many days old the demo is."""
    [(days,)] = database.rows("SELECT today() - as_of FROM demo")
    assert isinstance(days, int)
    return days


def test_yesterdays_demo_is_renewed_unless_somebody_edited_it(cli: Cli, yesterday: TestDatabase) -> None:
    """An edit is somebody's work: it stays, with a warning that says how to give it up."""
    yesterday.sql("UPDATE pilots SET active = false WHERE id = (SELECT min(id) FROM pilots WHERE active)")
    result = cli("seed", database=yesterday)
    assert result.exit_code not in (0, None)
    assert "edited" in result.stderr and "--renew" in result.stderr
    assert as_of(yesterday) == 1
    assert cli("seed", "--renew", database=yesterday).exit_code == 0
    assert as_of(yesterday) == 0


def test_yesterdays_demo_is_renewed_by_a_start(
    yesterday: TestDatabase, make_runtime: Callable[..., object]
) -> None:
    runtime = make_runtime(yesterday)
    runtime.prepare(progress=lambda step: None)  # type: ignore[attr-defined]
    assert as_of(yesterday) == 0
    assert runtime.warnings == ()  # type: ignore[attr-defined]


def test_another_profile_than_the_data_is_a_warning(cli: Cli, yesterday: TestDatabase) -> None:
    """The data stays what it is."""
    result = cli("seed", database=yesterday, FLEETCACHE_PROFILE="demo")
    assert "profile tiny, not demo" in result.stderr
    assert yesterday.rows("SELECT profile, count(*) FROM demo, pilots WHERE active GROUP BY 1") == [("tiny", 27)]
    again = cli("seed", database=yesterday, FLEETCACHE_PROFILE="demo")
    assert again.exit_code != 0 and "profile tiny, not demo" in again.stderr


def test_flush_removes_our_values_and_nothing_else(cli: Cli, live: App, servers: embedded.Servers) -> None:
    """“Shows it works” 4 and C5: a key of another program, one whose prefix only looks like ours and
    our own hit history survive."""
    assert servers.redis_url is not None
    client = redis.Redis.from_url(servers.redis_url)
    prefix = live.env["FLEETCACHE_PREFIX"]
    foreign = ["session:42", f"{prefix}2:c:s0:{{fleet:stats}}", f"x{prefix}:c:s0:{{fleet:stats}}", f"{prefix}:else"]
    for name in foreign:
        client.set(name, "theirs")
    try:
        live.get("/api/dashboard/metrics")
        assert list(client.scan_iter(f"{prefix}:c:*")), "there is something to flush"
        counted = set(client.scan_iter(f"{prefix}:m:*"))
        ended = run("flush", "--yes", env=live.env)
        assert ended.returncode == 0, ended.stderr
        assert "flushed" in ended.stdout
        assert [client.get(name) for name in foreign] == [b"theirs"] * len(foreign)
        assert counted and counted <= set(client.scan_iter(f"{prefix}:m:*"))
    finally:
        client.delete(*foreign)


def test_flush_asks_first(cli: Cli, demo: TestDatabase) -> None:
    """Without --yes and without an answer nothing happens."""
    result = cli("flush", database=demo)
    assert result.exit_code == 1
    assert demo.rows("SELECT count(*) FROM audit_log") == [(0,)]


def test_what_a_dry_run_shows_is_what_is_removed(cli: Cli, demo: TestDatabase) -> None:
    """The same stamp with --expect; another one is refused, and then nothing is removed."""
    assert cli("warm", database=demo).exit_code == 0
    for command in (["invalidate", "--pattern", "fleet:leave:*"], ["flush", "--yes"]):
        shown = cli(*command, "--dry-run", database=demo)
        assert shown.exit_code == 0, said(shown)
        lines = shown.stdout.splitlines()
        values = [line for line in lines if re.fullmatch(r"\S+  \d+ B  counted \d+ s ago  \d+ s left", line)]
        assert f"Would remove {len(values)} values" in shown.stdout and values
        stamp = lines[-1].removeprefix("stamp ")
        refused = cli(*command, "--expect", "0" * 16, database=demo)
        assert refused.exit_code != 0 and "changed since" in said(refused)
        done = cli(*command, "--expect", stamp, database=demo)
        assert done.exit_code == 0, said(done)
        assert f"{len(values)} values" in done.stdout
    assert demo.rows("SELECT action, outcome FROM audit_log WHERE action <> 'cache.warm' ORDER BY id") == [
        ("cache.invalidate", "refused"), ("cache.invalidate", "done"), ("cache.flush", "refused"), ("cache.flush", "done"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["invalidate"], "keys"),
        (["invalidate", "fleet:nope"], "fleet:nope"),
        (["invalidate", "--pattern", "*"], "fleet:, ref: or dashboard:"),
        (["invalidate", "--pattern", "session:*"], "session:*"),
        (["invalidate", "--dry-run", "--pattern", ""], ""),
    ],
)
def test_invalidate_refuses_what_is_not_ours(
    cli: Cli, demo: TestDatabase, arguments: list[str], fault: str
) -> None:
    result = cli(*arguments, database=demo)
    assert result.exit_code not in (0, None)
    assert fault in said(result)
    if "--dry-run" not in arguments and len(arguments) > 1:
        assert demo.rows("SELECT action, outcome FROM audit_log") == [("cache.invalidate", "refused")]


def test_an_app_role_that_may_not_migrate_is_enough_when_there_is_nothing_to_migrate(
    cli: Cli, demo: TestDatabase
) -> None:
    """Spec section 4: owner and app role apart. An instance with the app's URL on a database that is
    already as it should be has nothing to complain of."""
    result = cli("migrate", DATABASE_URL=demo.url)
    assert result.exit_code == 0, said(result)
