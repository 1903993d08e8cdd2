"""Sign-in: off without secrets; with them only those on the allow-list see anything."""

import pytest
from conftest import ROOT
from streamlit import config, user_info
from streamlit.testing.v1 import AppTest

from pages.widgets.sign_in import is_allowed, is_listed

AUTH = {
    "redirect_uri": "http://localhost/oauth2callback",
    "client_secret": "s3cret-value",
    "cookie_secret": "k3y-value",
}
ALLOWED = {"allowed": ["ann@example.org", "@Example.com"]}
ANN = {"is_logged_in": True, "email": "Ann@example.org", "email_verified": True}
PAGES = ("data", "map", "weights", "train", "runs", "projects", "present")


def app(monkeypatch, person, *, page="map", synweight=ALLOWED):
    monkeypatch.setattr(user_info, "_get_user_info", lambda: dict(person))
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    test.secrets["auth"] = AUTH
    test.secrets["synweight"] = synweight
    return test.switch_page(f"pages/{page}.py").run()


def shown(test):
    """All that stands on the page and in its sidebar, as text."""
    return " ".join(str(getattr(element, "value", "")) + str(getattr(element, "label", "")) for element in test)


def test_without_secrets_the_app_is_open(workspace):
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not test.exception
    assert any(button.label == "Open the demo" for button in test.button)
    assert not any(button.label in ("Sign in", "Sign out") for button in test.button)


@pytest.mark.parametrize("page", PAGES)
def test_nobody_sees_a_page_before_they_signed_in(workspace, monkeypatch, page):
    test = app(monkeypatch, {"is_logged_in": False}, page=page)
    assert not test.exception
    assert [button.label for button in test.button] == ["Sign in"]
    assert not test.sidebar.children and str(workspace) not in shown(test)
    assert not workspace.exists()  # nothing was even looked for


EVE = {**ANN, "email": "eve@example.org"}
ODD = [{**ANN, "email_verified": False}, {"is_logged_in": True, "email": "ann@example.org"}, {"is_logged_in": True}]


@pytest.mark.parametrize(
    ("person", "page"),
    [*((EVE, page) for page in PAGES), *((person, "map") for person in (*ODD, {**ANN, "is_logged_in": "yes"}))],
)
def test_who_is_not_on_the_list_sees_one_sentence_and_the_way_out(workspace, monkeypatch, person, page):
    test = app(monkeypatch, person, page=page)
    assert not test.exception and len(test.error) == 1
    assert "this account may not see this app. Ask whoever runs it" in test.error[0].value
    assert [button.label for button in test.button] == ["Sign out"]
    assert not test.header and not test.sidebar.children and not workspace.exists()


def test_who_is_on_the_list_sees_the_app_and_the_way_out(workspace, monkeypatch):
    test = app(monkeypatch, ANN)
    assert not test.exception and test.header[0].value == "Map"
    assert any(button.label == "Sign out" for button in test.sidebar.button)
    assert "Ann" in shown(test)


def test_empty_list_lets_nobody_in(workspace, monkeypatch):
    for synweight in ({}, {"allowed": []}, {"allowed": "ann@example.org"}, {"allowed": [""]}):
        assert len(app(monkeypatch, ANN, synweight=synweight).error) == 1


def test_broken_secrets_let_nobody_in(workspace, monkeypatch, tmp_path):
    (tmp_path / "secrets.toml").write_text('[auth\nclient_secret = "s3cret-value"')
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(tmp_path / "secrets.toml")])
    try:
        test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        monkeypatch.setattr("streamlit.runtime.secrets.Secrets.load_if_toml_exists", lambda self: False)
        test.run()
    finally:
        config.set_option("secrets.files", before)
    assert "secrets.toml cannot be read, so nobody is let in" in test.error[0].value.replace("\\", "")
    assert not test.button and not workspace.exists()


@pytest.mark.browser
def test_fresh_server_asks_at_every_address(demo, workspace, serve, browser, tmp_path, monkeypatch):
    secrets = "\n".join(f'{name} = "{value}"' for name, value in AUTH.items())
    (tmp_path / "secrets.toml").write_text(f"[auth]\n{secrets}\n")
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", str(tmp_path / "secrets.toml"))
    address = serve(workspace)
    for page in ("present", "runs"):  # the first is run alone by Streamlit, see shell.need_frame
        tab = browser.new_page()
        tab.goto(f"{address}/{page}?project={demo.id}")
        tab.get_by_role("button", name="Sign in").wait_for(timeout=30_000)
        assert "Demo" not in tab.locator("body").inner_text()
        tab.close()


def test_secrets_are_neither_shown_nor_logged(workspace, monkeypatch, capfd, caplog):
    for person in (ANN, {**ANN, "email": "eve@example.org"}, {"is_logged_in": False}):
        said = shown(app(monkeypatch, person))
        assert not any(secret in said for secret in ("s3cret-value", "k3y-value"))
    written = "".join(capfd.readouterr()) + caplog.text
    assert "s3cret-value" not in written and "k3y-value" not in written


@pytest.mark.parametrize(
    ("email", "is_in"),
    [
        ("ann@example.org", True), (" ANN@EXAMPLE.ORG ", True), ("bob@example.com", True),
        ("bob@sub.example.com", False), ("bob@notexample.com", False), ("ann@example.org.evil.net", False),
        ("eve@evil.net@example.com", False), ("@example.com", False), ("ann", False), ("", False),
    ],
)  # fmt: skip
def test_list_names_people_and_whole_domains(email, is_in):
    assert is_listed(email, ALLOWED["allowed"]) is is_in


def test_unverified_address_counts_only_where_the_provider_is_said_to_vouch():
    unverified = {"is_logged_in": True, "email": "ann@example.org"}
    assert not is_allowed(unverified, ALLOWED)
    assert is_allowed(unverified, ALLOWED | {"accept_unverified": True})
    assert not is_allowed(unverified, ALLOWED | {"accept_unverified": "true"})


def test_only_the_bundle_of_the_map_is_served_statically():
    assert [path.name for path in (ROOT / "static").iterdir()] == ["map.js"]
