"""The main job in the browser: a partner acts inside a tenant with consent, and the customer stops it at once."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from support_site import Site

pytestmark = pytest.mark.browser
People = Callable[..., Page]
PARTNER, CUSTOMER = "msp_full@northwind.example", "admin@acme-fiber.example"


def test_a_partner_opens_a_ticket_and_the_customer_sees_it_and_revokes(person: People, site: Site) -> None:
    partner = person(PARTNER)
    partner.goto(site.url("partners", "/customers"))
    partner.get_by_role("link", name="Acme Fiber").click()
    partner.wait_for_url(re.compile(r"/t/[0-9a-f-]{36}/?$"))
    expect(partner.locator("body")).to_contain_text("Acme Fiber")
    inside = partner.url
    partner.goto(inside.rstrip("/") + "/tickets/new")
    partner.locator("[name=subject]").fill("Core router drops packets")
    partner.locator("[name=description]").fill("Since this morning, every ten minutes.")
    partner.locator("[name=priority]").first.select_option("urgent")
    partner.locator("main form button[type=submit]").last.click()
    expect(partner.get_by_role("heading", name="Core router drops packets")).to_be_visible()

    customer = person(CUSTOMER, "customers")
    customer.goto(site.url("customers", "/tickets"))
    customer.get_by_role("link", name="Core router drops packets").click()
    expect(customer.locator("main")).to_contain_text("Northwind Managed Services")
    customer.goto(site.url("customers", "/"))
    customer.goto(site.url("customers", "/links?q=northwind"))
    customer.get_by_role("link", name="Northwind Managed Services").first.click()
    customer.get_by_role("link", name="Revoke").or_(customer.get_by_role("button", name="Revoke")).first.click()
    customer.locator("dialog[open] button[type=submit]").click()
    expect(customer.locator("main")).to_contain_text("Revoked")

    partner.goto(inside.rstrip("/") + "/tickets")
    expect(partner.get_by_role("heading", level=1)).to_have_text("This page does not exist")
    partner.goto(site.url("partners", "/customers"))
    expect(partner.locator("main")).not_to_contain_text("Acme Fiber")


def test_two_tabs_are_two_tenants(person: People, site: Site) -> None:
    first = person("principal@northwind.example")
    first.goto(site.url("partners", "/customers"))
    addresses = [link.get_attribute("href") for link in first.locator("th[scope=row] a").all()[:2]]
    second = first.context.new_page()
    for page, address in zip((first, second), addresses, strict=True):
        page.goto(site.url("partners", f"{str(address).rstrip('/')}/tickets/new"))
    for page, subject in ((first, "For the first"), (second, "For the second")):
        page.locator("[name=subject]").fill(subject)
        page.locator("[name=description]").fill("Two tabs.")
        page.locator("main form button[type=submit]").last.click()
        expect(page.get_by_role("heading", name=subject)).to_be_visible()
    assert first.url.split("/t/")[1].split("/")[0] in str(addresses[0])
    assert second.url.split("/t/")[1].split("/")[0] in str(addresses[1])


def test_a_tenant_is_reached_by_keyboard_alone(person: People, site: Site) -> None:
    page = person("technical@northwind.example")
    page.goto(site.url("partners", "/customers"))
    page.keyboard.press("Control+k")
    page.keyboard.type("Blue Mesa")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/t/[0-9a-f-]{36}/?$"))
    expect(page.locator("body")).to_contain_text("Blue Mesa Wireless")


def test_enter_before_the_list_has_caught_up_never_opens_another_customer(person: People, site: Site) -> None:
    page = person("technical@northwind.example")
    page.goto(site.url("partners", "/customers"))
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option").first).to_be_visible()
    page.evaluate(
        """() => {
            const real = window.fetch;
            const later = new Promise((done) => setTimeout(done, 600));
            window.fetch = (...asked) => later.then(() => real(...asked));
        }"""
    )
    page.keyboard.type("Blue Mesa")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/t/[0-9a-f-]{36}/?$"))
    expect(page.locator("body")).to_contain_text("Blue Mesa Wireless")


def test_spanish_is_chosen_and_kept(person: People, site: Site) -> None:
    page = person("finance@northwind.example")
    page.goto(site.url("partners", "/account"))
    page.evaluate(
        """async () => {
            const token = document.querySelector("input[name=_csrf_token]").value;
            const body = new URLSearchParams({_csrf_token: token, language: "es", next: "/"});
            await fetch("/language", {method: "POST", body});
        }"""
    )
    page.goto(site.url("partners", "/customers"))
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Customers")


def test_a_partner_works_without_script(person: People, site: Site) -> None:
    page = person("msp_support@northwind.example", java_script_enabled=False)
    page.goto(site.url("partners", "/customers?q=redwood"))
    page.get_by_role("link", name="Redwood Fibre Co-op").click()
    page.goto(page.url.rstrip("/") + "/tickets/new")
    page.locator("[name=subject]").fill("Without script")
    page.locator("[name=description]").fill("Still works.")
    page.locator("main form button[type=submit]").last.click()
    expect(page.get_by_role("heading", name="Without script")).to_be_visible()
