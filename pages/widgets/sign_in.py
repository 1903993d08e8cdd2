"""Who may see the app: whoever reaches it, or those on the allow-list where sign-in is set up.

It is set up by an [auth] section in `.streamlit/secrets.toml` (OIDC, see docs/deployment.md), and then closed to all
but those that the same file allows:

    [synweight]
    allowed = ["ann@example.org", "@example.com"]   # people, and whole domains
    accept_unverified = false                       # true: the provider sends no `email_verified`, and vouches itself

It is asked at each run of `app.py`, before anything of the workspace is read.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages.widgets.plain import plain


def need_permission() -> None:
    """Go on for those who may see the app; all others get one sentence and a button, and the run ends."""
    try:
        settings = _settings()
    except PermissionError as error:
        st.error(plain(error), icon=":material/lock:")
        st.stop()
    if settings is None or is_allowed(st.user.to_dict(), settings):
        return
    st.session_state.pop("framed", None)  # no page may draw anything
    if st.user.to_dict().get("is_logged_in"):
        _refuse()
    else:
        _ask()
    st.stop()


def is_allowed(person: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether somebody who is signed in as this may see the app.

    Args:
        person: the claims of the identity token, and `is_logged_in`.
        settings: the [synweight] section of the secrets.
    """
    email = person.get("email")
    if person.get("is_logged_in") is not True or not isinstance(email, str):
        return False
    is_verified = person.get("email_verified") in (True, "true") or settings.get("accept_unverified") is True
    return is_verified and is_listed(email, settings.get("allowed", ()))


def is_listed(email: str, allowed: object) -> bool:
    """Whether the list names this address, or "@" and its domain. Upper and lower case are the same."""
    name, at, domain = email.strip().casefold().rpartition("@")
    if not (name and at and domain) or "@" in name or not isinstance(allowed, Collection) or isinstance(allowed, str):
        return False
    return bool({f"{name}@{domain}", f"@{domain}"} & {str(entry).strip().casefold() for entry in allowed})


def sign_out_button() -> None:
    """Shows who is signed in, with the way out; nothing where sign-in is off."""
    person = st.user.to_dict()
    if person.get("is_logged_in"):
        st.caption(f"Signed in as {plain(person.get('email', ''))}")
        st.button("Sign out", icon=":material/logout:", type="tertiary", on_click=st.logout)


def _settings() -> Mapping[str, Any] | None:
    """The [synweight] section where sign-in is set up, else None. Raises PermissionError when that cannot be told."""
    if not st.secrets.load_if_toml_exists():
        if any(Path(path).exists() for path in st.get_option("secrets.files")):
            raise PermissionError(
                "The file secrets.toml cannot be read, so nobody is let in. Correct it and start again."
            )
        return None
    if "auth" not in st.secrets:
        return None
    found = st.secrets.get("synweight", {})
    return found if isinstance(found, Mapping) else {}


def _ask() -> None:
    st.title("SynWeight Studio", anchor=False)
    st.markdown("Please sign in.")
    if st.button("Sign in", type="primary", icon=":material/login:"):
        st.login()


def _refuse() -> None:
    st.error("You are signed in, but this account may not see this app. Ask whoever runs it to add your address.")
    if st.button("Sign out", icon=":material/logout:"):
        st.logout()
