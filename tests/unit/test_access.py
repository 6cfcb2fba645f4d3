"""Sign-in without a server: whose address it is, what claims say, which cookies are good, which settings are."""

from __future__ import annotations

import ipaddress
import math
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from streamlit import config

from fleetcache import settings
from fleetcache.access import demo, oidc, signin
from fleetcache.access.proxies import client
from fleetcache.access.signin import Ended, SignIn, good
from fleetcache.errors import BadSetting, NoRole, SessionOver
from fleetcache.web.loopback import is_local
from fleetcache.web.origin import same_origin

HERE, OUT, LAN, PROXY = "127.0.0.1", "203.0.113.5", "10.0.0.9", "10.0.0.1"


def networks(*named: str) -> tuple[Any, ...]:
    return tuple(map(ipaddress.ip_network, named))


@pytest.mark.parametrize(
    ("peer", "chain", "trusted", "found"),
    [
        (OUT, [], [], OUT),
        ("::ffff:127.0.0.1", [], [], HERE),
        (OUT, [HERE], [], None),  # who the peer was cannot be said any more
        (OUT, [HERE], [HERE], OUT),
        (HERE, [OUT], [HERE], OUT),
        (OUT, [OUT], [HERE], OUT),  # the same, after the server has put it in the place of the peer
        ("::1", [OUT], [HERE], OUT),
        (HERE, [HERE, OUT], [HERE], OUT),  # what the visitor says of themselves stands first
        (HERE, [f"{HERE}, {OUT}, {PROXY}"], [HERE, "10.0.0.0/8"], OUT),
        (PROXY, [f"{OUT}:4711"], [HERE, PROXY], OUT),
        (PROXY, ["[2001:db8::1]:4711"], [HERE, PROXY], "2001:db8::1"),
        (HERE, ["unknown"], [HERE], None),
        (HERE, [HERE], [HERE], HERE),
        ("", [], [], None),
    ],
)
def test_the_last_address_that_is_no_trusted_proxy_asks(
    monkeypatch: pytest.MonkeyPatch, peer: str, chain: list[str], trusted: list[str], found: str | None
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    address = client(peer, chain, networks(*trusted))
    assert (address and str(address)) == found


@pytest.mark.parametrize(
    ("allowed", "peer", "trusted", "local"),
    [
        (None, HERE, [], False),
        (None, HERE, [HERE], True),
        (None, PROXY, [PROXY], False),  # it may have been a proxy here that is not trusted
        (None, PROXY, [PROXY, HERE], True),
        (None, LAN, [PROXY, HERE], False),
        ("", HERE, [], False),
        ("", HERE, [PROXY], False),
        ("", PROXY, [PROXY], True),
        ("", LAN, [PROXY], False),
        ("*", HERE, [HERE], False),  # the server believes everybody, so nothing it says can be believed
        ("10.0.0.0/8", HERE, [PROXY], False),
        ("10.0.0.0/8", PROXY, ["10.0.0.0/8"], True),
    ],
)
def test_only_a_trusted_proxy_forwards_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, allowed: str | None, peer: str, trusted: list[str], local: bool
) -> None:
    """Whichever proxies the web server trusts by itself."""
    if allowed is None:
        monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    else:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", allowed)
    headers = [(b"host", b"localhost"), (b"x-forwarded-for", HERE.encode())]
    scope = {"type": "http", "client": (peer, 1), "headers": headers}
    assert is_local(HTTPConnection(scope), networks(*trusted)) == local
    scope["headers"] = [*headers, (b"x-forwarded-host", b"crew.example.com")]
    assert not is_local(HTTPConnection(scope), networks(*trusted))
    scope["headers"] = [(b"host", b"localhost"), (b"via", b"1.1 proxy")]
    assert not is_local(HTTPConnection(scope), networks(*trusted))


@pytest.mark.parametrize(
    ("also", "local"),
    [
        (("X-Real-IP", HERE), True),
        (("X-Real-IP", OUT), False),
        (("Forwarded", f"for={HERE}"), False),
        (("X-Forwarded", f"for={HERE}"), False),
        (("X-Forwarded-Proto", "https"), True),
        *[
            ((name, OUT), False)
            for name in ("X-Client-IP", "CF-Connecting-IP", "True-Client-IP", "X-Cluster-Client-IP",
                         "X-Original-Forwarded-For", "X-Envoy-External-Address")
        ],
        (("X-Original-Host", "crew.example.com"), False),
        (("X-Forwarded-Host", "crew.example.com"), False),
        (("Origin", "http://crew.example.com"), False),
        (("Host", "localhost"), False),
    ],
    ids=str,
)  # fmt: skip
def test_whatever_else_a_trusted_proxy_says_of_the_visitor_is_judged_too(also: tuple[str, str], local: bool) -> None:
    """One that sets another header passes on the chain that the visitor sent. Each header counts each time it
    is there; without a trusted proxy each is a sign of one that is not."""
    headers = [(b"host", b"localhost"), (b"x-forwarded-for", HERE.encode()), (b"origin", b"http://localhost")]
    headers += [(b"x-forwarded-host", b"localhost"), (also[0].lower().encode(), also[1].encode())]
    scope = {"type": "http", "client": (HERE, 1), "headers": headers}
    assert is_local(HTTPConnection(scope), networks(HERE)) == local
    if also[0] not in ("Origin", "Host"):
        scope["headers"] = [headers[0], headers[-1]]
        assert not is_local(HTTPConnection(scope))


@pytest.mark.parametrize(
    "host",
    ["evil.com@localhost", "localhost/.evil.com", "localhost#x", "localhost?x", "127.0.0.1:80:80", "localhost:99999",
     "evil.com[::1]", "[::1]evil.com", "localhost:x", "", "127.0.0.1%00.evil.com"],
)  # fmt: skip
def test_a_host_is_a_name_and_a_port(host: str) -> None:
    """Nothing that somebody else's name could hide in."""
    for name in ("host", "x-forwarded-host", "origin"):
        said = f"http://{host}" if name == "origin" else host
        headers = [(b"host", b"localhost")] * (name != "host") + [(name.encode(), said.encode())]
        assert not is_local(HTTPConnection({"type": "http", "client": (HERE, 1), "headers": headers})), name


def test_our_own_page_is_on_the_one_host_that_was_asked() -> None:
    ours, other = (b"origin", b"http://localhost:1"), (b"origin", b"http://crew.example.com")
    host, another = (b"host", b"localhost:1"), (b"host", b"crew.example.com")
    for headers, same in [
        ([host, ours], True), ([host, ours, other], False), ([host, another, ours], False), ([another, host, ours], False),
        ([host, (b"sec-fetch-site", b"same-origin")], True),
        ([host, (b"sec-fetch-site", b"same-origin"), (b"sec-fetch-site", b"cross-site")], False),
    ]:  # fmt: skip
        assert same_origin(HTTPConnection({"type": "http", "headers": headers})) == same, headers


CLAIMS = {"sub": "17", "email": "mara@example.com", "iat": 1000}


@pytest.mark.parametrize(
    ("claim", "given", "role"),
    [
        ("roles", {"roles": "viewer"}, "viewer"),
        ("roles", {"roles": ["staff", "manager", "viewer"]}, "manager"),
        ("realm_access.roles", {"realm_access": {"roles": ["admin"]}}, "admin"),
        ("https://crew.example.com/roles", {"https://crew.example.com/roles": "admin"}, "admin"),
        ("roles", {}, None),
        ("roles", {"roles": "Admin"}, None),
        ("roles", {"roles": "viewer admin"}, None),
        ("roles", {"roles": {"admin": True}}, None),
        ("roles", {"roles": [["admin"]]}, None),
        ("roles", {"roles": 3}, None),
        ("roles.admin", {"roles": "admin"}, None),
    ],
)
def test_the_claim_gives_the_highest_known_role_or_none(claim: str, given: dict[str, Any], role: str | None) -> None:
    if role is None:
        with pytest.raises(NoRole):
            oidc.read({**CLAIMS, **given}, role_claim=claim)
    else:
        assert oidc.read({**CLAIMS, **given}, role_claim=claim).role == role


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({**CLAIMS, "email_verified": True}, "mara@example.com"),
        (CLAIMS, "17"),
        ({**CLAIMS, "email_verified": "true"}, "17"),
        ({**CLAIMS, "email_verified": False, "preferred_username": "ada"}, "17"),
        ({"sub": "token ci"}, "person token ci"),
        ({"sub": " Token\u200b ci"}, "person Token ci"),
        ({"sub": "command line (root)"}, "person command line (root)"),
        ({"sub": "demo administrator"}, "person demo administrator"),
        ({"sub": "17", "name": "The Owner"}, "17"),
        ({"sub": "a\nb\x00c"}, "abc"),
        ({}, "somebody without a name"),
    ],
)
def test_the_audit_names_what_the_provider_answers_for(claims: dict[str, Any], name: str) -> None:
    assert oidc.read({**claims, "roles": "viewer"}, role_claim="roles").name == name


def test_a_sign_in_ages_and_ends() -> None:
    """Also one from the future, one without a time, and one that its owner ended."""
    made = SignIn("Mara", "manager", 1_000_000.0, "one")
    assert good(made, hours=12, now=1_000_000 + 12 * 3600) is made
    for now in (1_000_000 + 12 * 3600 + 1, 1_000_000 - 301):
        with pytest.raises(SessionOver):
            good(made, hours=12, now=now)
    with pytest.raises(SessionOver, match="from the future"):
        good(made, hours=12, now=1_000_000 - 301)
    timeless = oidc.read({"sub": "17", "roles": "viewer"}, role_claim="roles")
    with pytest.raises(SessionOver, match="does not say when"):
        good(timeless, hours=12, now=time.time())
    for never in (10**400, -(10**400), math.inf, math.nan, -1, "1000", True):
        with pytest.raises(SessionOver):
            good(oidc.read({**CLAIMS, "roles": "viewer", "iat": never}, role_claim="roles"), hours=12, now=time.time())
    ended = Ended()
    ended.end(made, hours=1, now=0)
    assert made in ended and SignIn("Mara", "manager", 1_000_000.0, "two") not in ended
    ended.end(timeless, hours=1, now=4_000)
    assert made not in ended, "kept for ever"


def test_instances_of_one_home_share_the_secret_of_the_demo(tmp_path: Path) -> None:
    """It is kept where nobody else reads it; and a home that cannot be written to is no reason not to start."""
    first = demo._kept(tmp_path / "home" / "demo-secret")
    assert first == demo._kept(tmp_path / "home" / "demo-secret") and len(first) >= 48
    assert [each.name for each in (tmp_path / "home").iterdir()] == ["demo-secret"]
    assert stat.S_IMODE((tmp_path / "home" / "demo-secret").stat().st_mode) == 0o600
    for bad in (b"", b"short", b"\xff" * 40):
        (tmp_path / "home" / "demo-secret").write_bytes(bad)
        mended = demo._kept(tmp_path / "home" / "demo-secret")
        assert len(mended) >= 48 and mended == demo._kept(tmp_path / "home" / "demo-secret"), bad
    (tmp_path / "file").touch()
    assert demo._kept(tmp_path / "file" / "demo-secret") != first


def test_a_short_cookie_secret_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has one signed cookie could guess it."""
    given = "x" * 31
    monkeypatch.setattr(config, "is_manually_set", lambda name: name == "server.cookieSecret")
    monkeypatch.setattr(config, "get_option", lambda _name: given)
    assert demo.tickets(tmp_path / "short").read(demo.Tickets(given).issue("admin")) is None
    given = "x" * 32
    assert demo.tickets(tmp_path / "long").read(demo.Tickets(given).issue("admin")) is not None


def test_a_ticket_says_who_was_chosen() -> None:
    tickets = demo.Tickets("x" * 40)
    found = tickets.read(tickets.issue("manager"))
    assert found is not None and (found.name, found.role) == ("Demo crew manager", "manager")
    assert abs(found.since - time.time()) < 5
    for cookie in (None, "", "manager", demo.Tickets("y" * 40).issue("admin"), tickets._signer.dumps(["owner", "1"])):
        assert tickets.read(cookie) is None


def test_the_demo_sign_in_is_for_demos() -> None:
    assert signin.mode(None, marked=True) == "demo"
    assert signin.mode(None, marked=False) == signin.mode("oidc", marked=True) == "oidc"
    with pytest.raises(BadSetting, match="not a demo that fleetcache made"):
        signin.mode("demo", marked=False)


def test_the_settings_of_sign_in() -> None:
    found, origins, _warnings = settings.load(
        {"FLEETCACHE_TRUSTED_PROXIES": "10.0.0.1, 2001:db8::/32", "FLEETCACHE_SESSION_HOURS": "0.5"}
    )
    assert found.trusted_proxies == networks("10.0.0.1", "2001:db8::/32")
    assert {each.name: each.value for each in origins}["FLEETCACHE_TRUSTED_PROXIES"] == "10.0.0.1/32, 2001:db8::/32"
    for name, value in [
        ("AUTH", "none"), ("TRUSTED_PROXIES", "proxy"), ("TRUSTED_PROXIES", "10.0.0.1/8"), ("SESSION_HOURS", "0"),
        ("SESSION_HOURS", "nan"), ("ROLE_CLAIM", ""),
    ]:  # fmt: skip
        if value:
            with pytest.raises(BadSetting, match=name):
                settings.load({f"FLEETCACHE_{name}": value})
