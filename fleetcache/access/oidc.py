"""Sign-in by OpenID Connect: how it is set up, and what the claims of an ID token say.

The flow, and the cookie that keeps the claims, are Streamlit's (``st.login``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamlit.auth_util import get_cookie_with_chunks, get_origin_from_redirect_uri, get_secrets_auth_section
from streamlit.web.server.server_util import AUTH_COOKIE_NAME, get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from fleetcache.access.demo import PEOPLE
from fleetcache.access.roles import ROLES, Role
from fleetcache.access.signin import SECRET_LENGTH, SignIn
from fleetcache.errors import NoRole

NAME_LENGTH = 200
_OTHERS = ("token ", "command line (", "person ", "demo (")
_DEMO = {each.title.casefold() for each in PEOPLE.values()}
_SHARED = ("redirect_uri", "cookie_secret")
_OF_A_PROVIDER = ("client_id", "client_secret", "server_metadata_url")


@dataclass(frozen=True)
class Setup:
    """What ``[auth]`` in secrets.toml says: the providers that ``st.login`` takes (None: the one without a
    name), and what has to be put right first."""

    providers: tuple[str | None, ...]
    faults: tuple[str, ...]


def setup() -> Setup:
    """How sign-in is set up."""
    section: dict[str, Any] = get_secrets_auth_section().to_dict()
    if not section:
        return Setup((), ("There is no section [auth].",))
    faults = [f"{name} is missing." for name in _SHARED if not section.get(name)]
    if 0 < len(str(section.get("cookie_secret", ""))) < SECRET_LENGTH:
        faults.append(f"cookie_secret is shorter than {SECRET_LENGTH} characters.")
    named = {name: part for name, part in section.items() if isinstance(part, dict) and name != "client_kwargs"}
    providers: list[str | None] = [*named]
    for name, part in named.items():
        faults += [f"{key} is missing in [auth.{name}]." for key in _OF_A_PROVIDER if not part.get(key)]
    if not named:
        providers = [None]
        faults += [f"{key} is missing." for key in _OF_A_PROVIDER if not section.get(key)]
    return Setup(tuple(providers), tuple(faults))


def strong() -> bool:
    """Whether the secret that signs the cookie cannot be guessed. Nobody is signed in by one that can."""
    return len(get_cookie_secret()) >= SECRET_LENGTH


def read(claims: Mapping[str, Any], *, role_claim: str) -> SignIn:
    """Who the claims of an ID token name. Raises NoRole.

    The sign-in begins with ``iat``, when the token was issued to us. ``auth_time`` may lie days back, when
    the provider last asked for a password: whoever signs in again would be sent away again.
    """
    name = _name(claims)
    return SignIn(
        name,
        _role(name, _claim(claims, role_claim)),
        _seconds(claims.get("iat")),
        # A token without a nonce cannot be told from another of the same second, which does no harm.
        json.dumps([claims.get(each) for each in ("iss", "sub", "iat", "nonce")]),
    )


def claims(cookies: Mapping[str, str]) -> dict[str, Any] | None:
    """The claims in the cookies of a request; None when they are not there, or not ours and of this sign-in."""
    if not strong():
        return None
    secret = get_cookie_secret()

    def one(name: str) -> bytes | None:
        return decode_signed_value(secret, name, cookies.get(name, ""))

    try:
        found = json.loads(get_cookie_with_chunks(one, AUTH_COOKIE_NAME) or b"null")
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get("is_logged_in") is not True:
        return None
    return found if found.get("origin") == get_origin_from_redirect_uri() else None


def _name(claims: Mapping[str, Any]) -> str:
    """What the audit names them by: something that the provider answers for, not what people call themselves,
    and never the name of somebody who came in by another door."""
    email = claims.get("email") if claims.get("email_verified") is True else None
    found = str(email or claims.get("sub") or "")
    name = "".join(each for each in found if each.isprintable()).strip()[:NAME_LENGTH]
    taken = name.casefold().startswith(_OTHERS) or name.casefold() in _DEMO
    return f"person {name}" if taken else name or "somebody without a name"


def _claim(claims: Mapping[str, Any], path: str) -> object:
    """A claim by its whole name, which may have dots in it, else by its path."""
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _role(name: str, claim: object) -> Role:
    """The highest of the roles in a claim, which is a role or a list."""
    given = claim if isinstance(claim, Sequence) and not isinstance(claim, str) else [claim]
    known = [role for role in ROLES if role in given]
    if not known:
        raise NoRole(name, ", ".join(each for each in given if isinstance(each, str))[:NAME_LENGTH])
    return known[-1]


def _seconds(moment: object) -> float:
    """A moment of a token; of one that has none, one that is long over."""
    try:
        return float(moment) if isinstance(moment, (int, float)) and not isinstance(moment, bool) else 0.0
    except OverflowError:
        return math.inf
