"""Passkeys in a real browser, by Chromium's virtual authenticator: add one, sign in with it, step up with it."""

from collections.abc import Callable

import psycopg
import pytest
from playwright.sync_api import Page, expect

from guildhall.worlds import demo
from support_browsers import Authenticator
from support_site import Site
from support_world import Cluster

pytestmark = pytest.mark.browser
People = Callable[..., Page]
PERSON = "finance@northwind.example"


def add_a_passkey(page: Page, site: Site, label: str, name: str = "work laptop") -> Authenticator:
    """Plug an authenticator into the page's browser, add a passkey in the account, take the finger off again."""
    authenticator = Authenticator(page)
    page.goto(site.url(label, "/account"))
    page.get_by_role("button", name="Add a passkey").click()
    page.locator("input[name=name]").fill(name)
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.locator("main")).to_contain_text("The passkey is added.")
    expect(page.locator("main")).to_contain_text(f"Passkey: {name}")
    authenticator.touch(pressed=False)
    return authenticator


def without_suggestions(page: Page) -> None:
    """Have the browser offer no passkey by itself, so that only a button asks for one."""
    page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")


def sign_out(page: Page) -> None:
    page.locator("form[action='/sign-out']").first.evaluate("form => form.submit()")


@pytest.mark.parametrize(
    ("label", "email"),
    [("partners", PERSON), ("customers", "admin@acme-fiber.example"), ("staff", "finance@halcyon.example")],
)
def test_a_passkey_is_added_and_signs_in(person: People, site: Site, label: str, email: str) -> None:
    page = person(email, label)
    authenticator = add_a_passkey(page, site, label)
    without_suggestions(page)
    authenticator.touch(pressed=True)
    sign_out(page)
    page.wait_for_url(site.url(label, "/sign-in"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(site.url(label, "/"))
    page.goto(site.url(label, "/account"))
    row = page.locator("tr", has_text="This one")
    expect(row).to_contain_text("Passkey")


def test_a_passkey_stands_in_for_the_code_and_confirms_an_act(person: People, site: Site, cluster: Cluster) -> None:
    page = person("principal@northwind.example")
    authenticator = add_a_passkey(page, site, "partners")
    without_suggestions(page)
    authenticator.touch(pressed=True)
    sign_out(page)
    page.wait_for_url(site.url("partners", "/sign-in"))
    page.locator("input[name=email]").fill("principal@northwind.example")
    page.locator("input[name=password]").fill(demo.DEMO_PASSWORD)
    page.get_by_role("button", name="Use a passkey in its place").click()
    page.wait_for_url(site.url("partners", "/"))
    page.goto(site.url("partners", "/account"))
    expect(page.locator("tr", has_text="This one")).to_contain_text("Password and passkey")

    with psycopg.connect(cluster.url(site.database)) as connection:
        connection.execute("UPDATE portal.partner_session SET factor_at = now() - interval '1 hour'")
    page.get_by_label("Change passkey work laptop").click()
    page.get_by_role("link", name="Remove").first.click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm it is you")
    page.get_by_role("button", name="Confirm with a passkey").click()
    expect(page.locator("main")).to_contain_text("The passkey is removed.")
    expect(page.locator("main")).not_to_contain_text("Passkey: work laptop")


def test_who_dismisses_the_browsers_question_is_told_and_may_try_again(person: People, site: Site) -> None:
    page = person("viewer@northwind.example")
    page.goto(site.url("partners", "/account"))
    sign_out(page)
    Authenticator(page, isUserVerified=False)
    page.wait_for_url(site.url("partners", "/sign-in"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("[data-passkey-status]")).to_contain_text("No passkey was used.")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()
