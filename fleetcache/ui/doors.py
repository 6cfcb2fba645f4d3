"""What people see who are not let in: the sign-in page, and the page that says which role is missing."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from fleetcache import runtime
from fleetcache.access import demo, oidc
from fleetcache.access.roles import Person
from fleetcache.errors import FleetcacheError, NoRole, SessionOver
from fleetcache.ui.signin import sign_out

WAIT_SECONDS = 1.0
LOGO = Path(__file__).parent / "logo.svg"
# A cookie that no script can read has to be set by an answer of ours, so the buttons send a form: in the same
# tab, with what the browser says of where it comes from, and without any script.
_STYLE = """
form { margin: 0; }
button {
  width: 100%; padding: 0.45rem 0.9rem; cursor: pointer; font: 600 1rem var(--st-font);
  color: var(--st-background-color); background: var(--st-primary-color);
  border: 1px solid var(--st-primary-color); border-radius: var(--st-button-radius);
}
button:hover { filter: brightness(1.1); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
button.quiet { font-weight: 400; color: var(--st-text-color); background: transparent; border-color: var(--st-border-color); }
"""


def _form(name: str, action: str, label: str, look: str = "") -> ComponentRenderer:
    """A button that posts to ``action``; both are ours."""
    html = f"""<form method="post" action="{action}">
<button class="{look}">{label}</button></form>"""
    return st.components.v2.component(f"fleetcache_{name}", html=html, css=_STYLE)


_ENTER = {role: _form(f"sign_in_{role}", f"/sign-in/{role}", f"Enter as {role}") for role in demo.PEOPLE}
_LEAVE = _form("sign_out", "/sign-out", "Sign out", "quiet")


def sign_in(error: FleetcacheError) -> None:
    """What this is, and the ways in."""
    mode = runtime.current().auth
    with st.container(horizontal_alignment="center"), st.container(width=960, gap="small"):
        st.image(LOGO, width=190)
        st.title("Is the crew complete, current and covered?", anchor=False)
        st.markdown(
            "Headcount, checks, retirement and leave of the airline's pilots, on dashboards that open at once and "
            "say how old each figure is."
        )
        if isinstance(error, SessionOver):
            st.info(f"{error} {error.hint}", icon=":material/schedule:")
        if mode == "demo":
            _people()
        elif mode == "oidc":
            _providers()
        else:
            _waiting()


def forbidden(error: FleetcacheError) -> None:
    """What it is that may not be seen or done, which role it needs, and whom to ask."""
    if isinstance(error, NoRole):
        _stranger(error)
        return
    with st.container(border=True, gap="small"):
        st.markdown("### :material/lock: Not for your role")
        st.text(str(error))
        st.text(error.hint)


def _stranger(error: NoRole) -> None:
    with st.container(horizontal_alignment="center"), st.container(width=960, gap="small"):
        st.image(LOGO, width=190)
        st.title("You have no role here yet", anchor=False)
        st.text(f"{error} {error.hint}")
        claim = runtime.current().settings.role_claim
        found = f"has “{error.found}”" if error.found else "has no such claim"
        st.text(f"For the administrator: the role is read from the claim “{claim}” of the ID token; this one {found}.")
        with st.container(width=200):
            way_out()


def account(person: Person) -> None:
    """Who is signed in, and the way out."""
    with st.sidebar:
        with st.container(gap=None):
            st.text(person.name)  # no Markdown: that would make a link of an e-mail address
            st.caption(f":material/account_circle: signed in as {person.role}")
        way_out()


def way_out() -> None:
    """The button that ends the sign-in."""
    if runtime.current().auth == "demo":
        _LEAVE(key="sign-out")
    elif st.button("Sign out", icon=":material/logout:", width="stretch", key="sign-out"):
        sign_out()


def _people() -> None:
    st.markdown("**This is the demo: nobody in it is real. Come in as one of three people.**")
    with st.grid(3, min_column_width=230, gap="small", key="people"):
        for role, someone in demo.PEOPLE.items():
            with st.container(border=True, height="stretch", vertical_alignment="distribute"):
                st.markdown(f"##### {someone.icon} {someone.title}\n\n{someone.sees}")
                _ENTER[role](key=f"enter-{role}")
    st.caption("Only this machine is served, and only because the data is made up. You can change who you are at any time.")


def _providers() -> None:
    setup = oidc.setup()
    if setup.faults:
        with st.container(border=True):
            st.markdown("### :material/build: Sign-in is not set up yet")
            st.markdown(
                "People sign in here with your OpenID Connect provider. These lines are missing from "
                "`.streamlit/secrets.toml`, or have to be put right:"
            )
            st.markdown("\n".join(f"- {fault}" for fault in setup.faults))
            st.code(_EXAMPLE, language="toml")
            st.markdown("Then start fleetcache again. `docs/sign-in.md` has the rest: the claim with the role, and proxies.")
        return
    for provider in setup.providers:
        label = "Sign in" if provider is None else f"Sign in with {provider.capitalize()}"
        if st.button(label, icon=":material/login:", type="primary", key=f"login-{provider}"):
            st.login(provider)
    st.caption("You sign in with your organisation's account; fleetcache sees no password.")


@st.fragment(run_every=WAIT_SECONDS)
def _waiting() -> None:
    parts = runtime.current()
    if parts.auth is not None:
        st.rerun()
    if parts.shut is not None:
        st.error(f"**Nobody can come in.** {parts.shut} {parts.shut.hint}", icon=":material/lock:")
        st.caption("Whoever was signed in is so no longer. This page goes on by itself when it is put right.")
        return
    st.warning(
        "**The database does not answer.** How people sign in here hangs on what is in it. This page goes on by "
        "itself as soon as it does.",
        icon=":material/cloud_off:",
    )


_EXAMPLE = """[auth]
redirect_uri = "https://fleetcache.example.com/oauth2callback"
cookie_secret = "…"   # python3 -c "import secrets; print(secrets.token_urlsafe(48))"
client_id = "…"
client_secret = "…"
server_metadata_url = "https://login.example.com/.well-known/openid-configuration"
"""
