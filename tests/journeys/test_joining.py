"""Coming in by a letter, with real mail over SMTP: as a new partner, as a colleague, by a link (PRODUCT §4, §3)."""

import re
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any
from urllib.parse import urlsplit

import httpx
import pyotp
import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Page, expect

from guildhall.core import clock
from support_browsers import Authenticator
from support_served import free_port, served
from support_site import Site
from support_world import Cluster

pytestmark = pytest.mark.browser
LEAD, NEW = "lead@halcyon.example", "ines@meridian-ops.example"
PRINCIPAL, COLLEAGUE = "principal@northwind.example", "nuria.soler@northwind.example"
BY_LINK = "technical@northwind.example"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
PASSWORD = "lantern orchard 47 gravel"
PATIENCE = 90  # seconds that a letter may take


class Mailbox:
    """A mail server on loopback that keeps what it is given."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.letters: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        self.letters.append(BytesParser(_class=EmailMessage, policy=default).parsebytes(envelope.content))
        return "250 Message accepted for delivery"

    def link(self, to: str, path: str) -> str:
        """Return the newest link below `path` in a letter to `to`; waits for it."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for letter in reversed(self.letters):
                found = re.search(rf"http://\S+{path}/[\w-]+", _text(letter))
                if letter["To"] and to in letter["To"] and found:
                    return found[0]
            time.sleep(0.2)
        pytest.fail(f"no letter to {to} with a link to {path}: {[str(one['Subject']) for one in self.letters]}")


def _text(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox(free_port())
    server = Controller(made, hostname="127.0.0.1", port=made.port)
    server.start()
    yield made
    server.stop()


@pytest.fixture(scope="module")
def site(cluster: Cluster, mailbox: Mailbox) -> Iterator[Site]:
    """The demo world with a worker, and a mail server that letters go to."""
    smtp = f"smtp://127.0.0.1:{mailbox.port}?tls=none"
    sender = "Halcyon <portal@halcyon.example>"
    with served(cluster, "serve", "worker", GUILDHALL_SMTP_URL=smtp, GUILDHALL_MAIL_FROM=sender) as made:
        yield made


def test_a_stranger_applies_is_approved_and_signs_in_with_an_authenticator(
    browser: Any, person: Callable[..., Page], site: Site, mailbox: Mailbox
) -> None:
    stranger = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    apply(stranger, site)
    status = mailbox.link(NEW, "/application")
    stranger.goto(status)
    expect(stranger.locator("body")).to_contain_text("Meridian Operations")
    lead = person(LEAD, "staff")
    approve(lead, site)
    stranger.goto(mailbox.link(NEW, "/welcome"))
    stranger.reload()  # a scanner of the mail looked first: looking consumes nothing
    secret = enrol(stranger)
    expect(stranger.get_by_role("heading", level=1)).to_be_visible()
    assert stranger.url == site.url("partners", "/")
    expect(stranger.locator("body")).to_contain_text("Meridian Operations")
    stranger.goto(mailbox.link(NEW, "/welcome"))
    expect(stranger.get_by_role("heading", name="Link already used")).to_be_visible()
    again = browser.new_context().new_page()
    again.goto(site.url("partners", "/sign-in"))
    again.locator("input[name=email]").fill(NEW)
    again.locator("input[name=password]").fill(PASSWORD)
    again.locator("input[name=code]").fill(pyotp.TOTP(secret).at(clock.now().timestamp() + 30))
    again.locator("main form[action='/sign-in'] button[type=submit]").click()
    again.wait_for_url(site.url("partners", "/"))


def test_a_colleague_joins_with_a_passkey_and_signs_in_with_it(
    browser: Any, person: Callable[..., Page], site: Site, mailbox: Mailbox
) -> None:
    principal = person(PRINCIPAL)
    principal.goto(site.url("partners", "/team/invite"))
    principal.locator("[name=name]").fill("Nuria Soler")
    principal.locator("[name=email]").fill(COLLEAGUE)
    principal.locator("[name=roles][value=viewer]").check()
    principal.get_by_role("button", name="Send invitation").click()
    page = browser.new_context().new_page()
    page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")
    Authenticator(page)
    page.goto(mailbox.link(COLLEAGUE, "/welcome"))
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="An authenticator app")).to_be_visible()
    page.locator("[name=name]").fill("work laptop")
    page.get_by_role("button", name="Make the passkey").click()
    page.locator("[name=kept]").check()
    page.get_by_role("button", name="Finish and sign in").click()
    page.wait_for_url(site.url("partners", "/"))
    page.goto(site.url("partners", "/account"))
    expect(page.locator("main")).to_contain_text("Passkey: work laptop")
    page.locator("form[action='/sign-out']").first.evaluate("form => form.submit()")
    page.wait_for_url(site.url("partners", "/sign-in"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(site.url("partners", "/"))
    page.context.close()


def test_a_link_that_a_scanner_opened_first_signs_in_once_and_in_one_browser(
    browser: Any, site: Site, mailbox: Mailbox
) -> None:
    page, late = browser.new_context().new_page(), browser.new_context().new_page()
    page.goto(site.url("partners", "/sign-in/link"))
    page.locator("[name=email]").fill(BY_LINK)
    page.get_by_role("button", name="Send the letter").click()
    page.wait_for_url(site.url("partners", "/sign-in/code"))
    link = mailbox.link(BY_LINK, "/sign-in/link")
    scan(link)
    late.goto(link)
    page.goto(link)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(site.url("partners", "/"))
    late.get_by_role("button", name="Sign in", exact=True).click()
    expect(late.get_by_role("heading", name="Link already used")).to_be_visible()
    late.goto(link)
    expect(late.get_by_role("heading", name="Link already used")).to_be_visible()

    cookies = page.context.cookies()
    session = [one for one in cookies if one["name"] == "guildhall_partners"]
    for stolen, agent in ((session, None), (cookies, FIREFOX)):
        thief = browser.new_context(user_agent=agent)
        thief.add_cookies(stolen)
        other = thief.new_page()
        other.goto(site.url("partners", "/account"))
        assert urlsplit(other.url).path == "/sign-in", "the session is bound to the browser that used the link"
        thief.close()
    page.goto(site.url("partners", "/account"))
    expect(page.locator("tr", has_text="This one")).to_contain_text("Link by e-mail")
    page.context.close()
    late.context.close()


def scan(link: str) -> None:
    """Open a link as a scanner of mail does: before its reader, more than once, following nothing."""
    where = urlsplit(link)
    for _ in range(3):
        answer = httpx.get(f"http://127.0.0.1:{where.port}{where.path}", headers={"Host": where.netloc})
        assert answer.status_code == 200
        assert "guildhall_partners=" not in str(answer.headers)


def apply(page: Page, site: Site) -> None:
    """Fill in the public form, first with an address that is refused: nothing typed is lost."""
    page.goto(site.url("partners", "/apply"))
    page.locator("[name=legal_name]").fill("Meridian Operations Ltd")
    page.locator("[name=website]").fill("www.meridian-ops.example")
    page.locator("[name=country]").select_option("PT")
    page.locator("[name=type]").select_option(index=1)
    page.locator("[name=expected_customers]").fill("40")
    page.locator("[name=contact_name]").fill("Ines Duarte")
    page.locator("[name=email]").fill("ines@gmail.com")
    page.locator("[name=consent]").check()
    page.get_by_role("button", name="Send application").click()
    expect(page.locator("[name=email]")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[name=legal_name]")).to_have_value("Meridian Operations Ltd")
    page.locator("[name=email]").fill(NEW)
    page.get_by_role("button", name="Send application").click()
    page.wait_for_url(re.compile("/application/"))


def approve(page: Page, site: Site) -> None:
    """Take the application into review and approve it."""
    page.goto(site.url("staff", "/applications"))
    page.get_by_role("link", name="Meridian Operations").click()
    page.get_by_role("button", name="Take into review").click()
    page.get_by_role("link", name="Approve").click()
    page.locator("[name=type]").select_option(index=1)
    page.locator("[name=tier]").select_option(index=1)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text("Meridian")


def enrol(page: Page) -> str:
    """Set password and authenticator, keep the recovery codes; return the authenticator's secret."""
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    secret = page.locator("#key").input_value()
    page.locator("[name=code]").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Continue").click()
    page.locator("[name=kept]").check()
    page.get_by_role("button", name="Finish and sign in").click()
    page.wait_for_url(re.compile(r"/$"))
    return secret
