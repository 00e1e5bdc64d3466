"""The administrator's forms, and the way of a new user from the link to their page: in a browser, without a script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skinscan.store import access, accounts
from tests.services.identity import PASSWORD
from tests.web.clinic_site import Site, served

NEW = "a few words in a row"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with served(tmp_path) as running:
        running.user("root", ["administrator"])
        yield running


def account(site: Site, name: str) -> accounts.Account:
    return next(one for one in accounts.accounts(site.clinic.store) if one.username == name)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_new_user_comes_in_by_the_link(site: Site, offline: Any, accessible: Any, width: int) -> None:
    page = offline(f"{site.address}/", width=width)
    assert page.url == f"{site.address}/login"
    accessible(page)
    page.get_by_label("Username").fill("root")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    assert "could not be signed in" in page.get_by_role("alert").inner_text()
    accessible(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")
    accessible(page)
    page.get_by_label("Username").fill("Doktor.Anna")
    page.get_by_label("Researcher").first.check()
    page.get_by_role("button", name="Create and show the link").click()
    accessible(page)
    link = page.get_by_label("Link", exact=True).input_value()
    assert link.startswith(f"{site.address}/invitation/")
    assert page.get_by_alt_text("QR code").bounding_box()["width"] > 150
    page.get_by_role("link", name="Done").click()
    assert "invited" in page.inner_text("li:has-text('doktor.anna')")

    page.get_by_role("button", name="Sign out").click()
    page.goto(link)
    accessible(page)
    page.get_by_label("Password", exact=True).fill(NEW)
    page.get_by_label("The same password again").fill(NEW + "!")
    page.get_by_role("button", name="Save").click()
    assert "differ" in page.get_by_role("alert").inner_text()
    page.get_by_label("Password", exact=True).fill(NEW)
    page.get_by_label("The same password again").fill(NEW)
    page.get_by_role("button", name="Save").click()
    accessible(page)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Username").fill("doktor.anna")
    page.get_by_label("Password").fill(NEW)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/researcher/")
    assert page.goto(link).status == 404
    accessible(page)
    assert page.goto(f"{site.address}/admin/").status == 404


def test_an_account_is_closed_opened_unlocked_and_given_roles(site: Site, offline: Any, accessible: Any) -> None:
    user = site.user("dr", ["practitioner"])
    accounts.lock(site.clinic.store, user)
    page = site.sign_in(offline, "root", width=390)
    page.wait_for_url("**/admin/")
    assert "locked" in page.inner_text("li:has-text('dr')")
    page.get_by_role("button", name="Unlock dr").click()
    assert account(site, "dr").locked_at is None
    page.get_by_label("Roles of dr").first.click()
    page.get_by_role("group", name="Roles of dr").get_by_label("Administrator").check()
    accessible(page)
    page.get_by_role("button", name="Save roles").first.click()
    page.wait_for_load_state()
    assert account(site, "dr").roles == {"practitioner", "administrator"}
    page.get_by_role("button", name="Close the account of dr").click()
    page.wait_for_load_state()
    assert account(site, "dr").disabled_at is not None
    page.get_by_role("button", name="Open the account of dr").click()
    page.wait_for_load_state()
    assert account(site, "dr").disabled_at is None


def test_the_last_administrator_is_told_to_stay(site: Site, offline: Any, accessible: Any) -> None:
    page = site.sign_in(offline, "root")
    page.wait_for_url("**/admin/")
    page.get_by_role("button", name="Close the account of root").click()
    assert "last administrator stays" in page.get_by_role("alert").inner_text()
    accessible(page)
    assert account(site, "root").disabled_at is None


def test_a_form_that_was_filled_wrongly_keeps_what_was_typed(site: Site, offline: Any) -> None:
    page = site.sign_in(offline, "root")
    page.wait_for_url("**/admin/")
    page.get_by_label("Username").fill('"><img src=x onerror=alert(1)>')
    page.get_by_role("button", name="Create and show the link").click()
    assert "cannot be taken" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Username").input_value() == '"><img src=x onerror=alert(1)>'


def test_nothing_stays_in_the_browser(site: Site, offline: Any) -> None:
    """Gradio keeps what went in and came out in the browser's storage, unless it is told not to."""
    site.user("res", ["researcher"])
    page = site.sign_in(offline, "res")
    page.wait_for_url("**/researcher/")
    page.wait_for_selector("button, input, table, p", state="attached")
    page.wait_for_timeout(1500)
    stored = json.loads(page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})"))
    assert not [key for key in stored if re.search("run|history|input|output", key, re.IGNORECASE)], stored
    page.goto(f"{site.address}/logout")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.context.cookies() == []
    page.go_back()
    page.wait_for_load_state()
    assert page.locator("#password").count() == 1 or "Sign out" not in page.inner_text("body")


def test_a_page_whose_sign_in_ended_asks_to_sign_in(site: Site, offline: Any) -> None:
    user = site.user("dr", ["practitioner"])
    page = site.sign_in(offline, "dr")
    page.wait_for_url("**/practitioner/")
    page.wait_for_selector("table, #all-patients", state="attached")
    access.disable(site.clinic.store, user)
    page.evaluate("fetch('/practitioner/config')")
    page.wait_for_url("**/login")
