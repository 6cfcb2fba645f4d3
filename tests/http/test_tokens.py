"""Tokens: what is kept of them, how they are verified, and that a revoked one is soon good for nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import pytest

from fleetcache.access import tokens
from fleetcache.access.roles import Person
from fleetcache.access.tokens import REMEMBERED_SECONDS, Tokens, create, revoke
from fleetcache.clock import Clock
from fleetcache.errors import Forbidden, Invalid, NotFound, NotSignedIn, SourceDown
from fleetcache.source import audit
from fleetcache.source import tokens as kept
from fleetcache.source.database import Database
from tests.conftest import TestDatabase
from tests.http.test_cli import Cli, cli, said
from tests.pages.test_pages import shut

__all__ = ["cli"]  # a fixture

ADMIN = Person("an administrator", "admin", "tests")
HERE = "192.0.2.7"


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.passed = 0.0
        start = Clock()
        self.clock = Clock(lambda: start.now() + self.passed, lambda: start.monotonic() + self.passed)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def verifier(source: Database, time: Time) -> Tokens:
    return Tokens(source, clock=time.clock)


def made(source: Database, name: str = "ci", role: str = "manager", days: int | None = None) -> str:
    return create(source, ADMIN, instance="here", name=name, role=role, days=days).secret


def test_the_command_shows_a_secret_once_and_keeps_its_digest(cli: Cli, demo: TestDatabase) -> None:
    """A copy of the database lets nobody in."""
    result = cli("token", "create", "--role", "admin", "--name", "ci", "--days", "30", database=demo)
    assert result.exit_code == 0, said(result)
    secret = result.stdout.strip()
    assert re.fullmatch(r"fc_[\w-]{43}", secret), "on its own line, for a variable of a shell"
    [row] = demo.rows(
        "SELECT digest, role, round(extract(epoch FROM expires_at - created_at) / 86400) FROM api_tokens WHERE name = 'ci'"
    )
    assert (bytes(row[0]), row[1], int(row[2])) == (hashlib.sha256(secret.encode()).digest(), "admin", 30)  # type: ignore[call-overload, arg-type]
    everything = str(demo.rows("SELECT t::text, a::text FROM api_tokens t, audit_log a"))
    assert secret not in everything and secret[3:20] not in everything
    listed = cli("token", "list", database=demo)
    assert "ci  admin  in use until" in listed.stdout and "never used" in listed.stdout
    assert secret not in listed.stdout
    again = cli("token", "create", "--role", "viewer", "--name", "ci", database=demo)
    assert again.exit_code != 0 and "there is a token of this name already" in said(again)
    assert cli("token", "revoke", "ci", database=demo).exit_code == 0
    assert "ci  admin  revoked" in cli("token", "list", database=demo).stdout
    assert cli("token", "revoke", "ci", database=demo).exit_code != 0
    assert cli("token", "create", "--role", "viewer", "--name", "ci", database=demo).exit_code == 0, (
        "a name can be given again"
    )
    assert demo.rows(
        "SELECT action, subject, outcome FROM audit_log WHERE action LIKE 'token.%' ORDER BY id"
    ) == [
        ("token.create", "ci", "done"),
        ("token.create", "ci", "refused"),
        ("token.revoke", "ci", "done"),
        ("token.revoke", "ci", "refused"),
        ("token.create", "ci", "done"),
    ]


@pytest.mark.parametrize(
    ("name", "role", "days", "field"),
    [("", "admin", None, "name"), ("a b", "admin", None, "name"), ("x" * 65, "admin", None, "name"),
     ("ci", "root", None, "role"), ("ci", "admin", 0, "days"), ("ci", "admin", 4000, "days")],
)  # fmt: skip
def test_a_token_that_cannot_be_is_not_made(
    source: Database, demo: TestDatabase, name: str, role: str, days: int | None, field: str
) -> None:
    before = demo.rows("SELECT count(*) FROM api_tokens")
    with pytest.raises(Invalid) as refused:
        create(source, ADMIN, instance="here", name=name, role=role, days=days)
    assert set(refused.value.faults) == {field}
    assert demo.rows("SELECT count(*) FROM api_tokens") == before


def test_only_an_administrator_makes_and_revokes(source: Database) -> None:
    """And who tried is in the audit."""
    manager = Person("a manager", "manager", "tests")
    made(source)
    with pytest.raises(Forbidden):
        create(source, manager, instance="here", name="mine", role="admin")
    with pytest.raises(Forbidden):
        revoke(source, manager, instance="here", name="ci")
    with pytest.raises(NotFound):
        revoke(source, ADMIN, instance="here", name="nobody's")
    assert [row.outcome for row in audit.found(source, actor="a manager")] == ["refused", "refused"]


def test_who_has_a_token_is_named_with_it(source: Database, verifier: Tokens, demo: TestDatabase) -> None:
    """A4: by which door, with which token, from where."""
    secret = made(source)
    person = verifier.holder(secret, address=HERE)
    assert person == Person("token ci", "manager", f"API token ci, {HERE}")
    [(used,)] = demo.rows("SELECT used_at IS NOT NULL FROM api_tokens WHERE name = 'ci'")
    assert used is True
    assert verifier.remembered(secret, address="192.0.2.8") == Person(
        "token ci", "manager", "API token ci, 192.0.2.8"
    )


def test_a_revoked_token_dies_within_what_is_remembered(
    source: Database, verifier: Tokens, time: Time
) -> None:
    """A3: at once where it was not seen, within a minute where it was."""
    secret = made(source)
    verifier.holder(secret, address=HERE)
    revoke(source, ADMIN, instance="here", name="ci")
    with pytest.raises(NotSignedIn):
        Tokens(source).holder(secret, address=HERE)
    assert REMEMBERED_SECONDS <= 60
    time.passed = REMEMBERED_SECONDS - 1
    verifier.holder(secret, address=HERE)  # being used does not make it last longer
    time.passed = REMEMBERED_SECONDS
    with pytest.raises(NotSignedIn):
        verifier.holder(secret, address=HERE)


def test_a_token_expires_also_while_it_is_remembered(
    source: Database, verifier: Tokens, time: Time, demo: TestDatabase
) -> None:
    secret = made(source, days=1)
    demo.sql("UPDATE api_tokens SET expires_at = now() + interval '20 seconds' WHERE name = 'ci'")
    verifier.holder(secret, address=HERE)
    time.passed = 21
    assert verifier.remembered(secret, address=HERE) is None
    demo.sql("UPDATE api_tokens SET expires_at = now() - interval '1 second' WHERE name = 'ci'")
    with pytest.raises(NotSignedIn):
        verifier.holder(secret, address=HERE)
    assert [one.expired for one in kept.listed(source) if one.name == "ci"] == [True]


def test_without_a_database_only_who_is_remembered_comes_in(
    source: Database, verifier: Tokens, time: Time, demo: TestDatabase
) -> None:
    """An outage must not be a way in, nor lock out who is at work."""
    secret = made(source)
    verifier.holder(secret, address=HERE)
    shut(demo)
    assert verifier.holder(secret, address=HERE).role == "manager"
    with pytest.raises(SourceDown):
        verifier.holder(f"fc_{'x' * 43}", address=HERE)
    with pytest.raises(NotSignedIn):  # no database is needed to see that it is none
        verifier.holder("nonsense", address=HERE)
    time.passed = REMEMBERED_SECONDS
    with pytest.raises(SourceDown):
        verifier.holder(secret, address=HERE)


def test_nobody_waits_for_a_row_that_another_holds(
    source: Database, verifier: Tokens, demo: TestDatabase
) -> None:
    """That a token was used is only noted in passing."""
    secret = made(source)
    with demo.owner() as connection:
        connection.execute("SELECT * FROM api_tokens FOR UPDATE")
        assert verifier.holder(secret, address=HERE).name == "token ci"
        connection.rollback()


def test_what_is_remembered_does_not_grow(make: Callable[..., str], verifier: Tokens, time: Time) -> None:
    """Of a token that is not used any more nothing is kept."""
    for number in range(3):
        verifier.holder(make(f"ci-{number}"), address=HERE)
    assert len(verifier._known) == 3
    time.passed = REMEMBERED_SECONDS
    verifier.holder(make("ci-3"), address=HERE)
    assert len(verifier._known) == 1
    assert tokens.digest("a") != tokens.digest("b")


@pytest.fixture
def make(source: Database) -> Callable[..., str]:
    return lambda name: made(source, name)
