"""Letters over a real SMTP server: written in their language, sent once, and never lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.mail import delivering, office
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.office import Carried, Undelivered
from guildhall.domain.mail.outbox import post
from support_actors import customer_person, domain_world, partner_person, staff_person
from support_smtp import Inbox, deliver_over, smtp, work_off
from support_world import Cluster, World

pytestmark = pytest.mark.anyio
TO = "ana@acme.example"
_DUE = "UPDATE jobs.procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"
MAIL = system("mail")


@pytest.fixture
async def world(cluster: Cluster, anyio_backend: str) -> AsyncIterator[World]:
    async with domain_world(cluster) as made:
        made.sql("TRUNCATE portal.mail")
        yield made


@pytest.fixture
def inbox(world: World) -> Iterator[Inbox]:
    with smtp() as made:
        deliver_over(world, made)
        yield made


def letter(**other: Any) -> Letter:
    return Letter(
        **{
            "kind": "person.invited",
            "to": TO,
            "name": "Ana Ruiz",
            "subject": "This letter has arrived",
            "paragraphs": ("The terms that %(partner)s offered stand.",),
            "values": {"partner": "North & West"},
            "link": ("partners", "/welcome/abc"),
            "button": "Sign in",
            "code": "482913",
        }
        | other
    )


async def posted(actor: Actor, one: Letter) -> UUID:
    async with db.transaction(actor) as connection:
        return await post(connection, one)


def rows(world: World) -> list[dict[str, Any]]:
    return world.sql("SELECT status, attempts, error FROM portal.mail ORDER BY created_at")


def parts(message: EmailMessage) -> tuple[str, str]:
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


async def test_a_letter_goes_out_with_both_parts_its_link_and_its_code(world: World, inbox: Inbox) -> None:
    await posted(partner_person(world), letter())
    await work_off(world)
    (message,) = inbox.messages
    assert message["To"] == "Ana Ruiz <ana@acme.example>"
    assert message["From"] == "Halcyon Cloud <mail@halcyon.example>"
    assert message["Subject"] == "This letter has arrived"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@halcyon.example>")
    assert message["Date"].datetime is not None
    text, html = parts(message)
    address = "http://partners.localhost:8000/welcome/abc"
    for part in (text, html):
        assert address in part
        assert "482913" in part
        assert "Halcyon Cloud" in part
    assert "Hello Ana Ruiz," in text
    assert "North & West" in text
    assert "North &amp; West" in html
    assert world.settings.brand_colour in html
    others = html.replace(address, "").replace("http://www.w3.org", "")
    assert "://" not in others, "nothing is loaded from elsewhere"
    assert [(row["status"], row["attempts"]) for row in rows(world)] == [("sent", 1)]


async def test_a_letter_is_written_in_the_language_of_its_reader(world: World, inbox: Inbox) -> None:
    await posted(customer_person(world), letter(language="es"))
    await work_off(world)
    (message,) = inbox.messages
    text, html = parts(message)
    assert message["Content-Language"] == "es"
    assert "Hola, Ana Ruiz:" in text
    assert 'lang="es"' in html
    assert "Iniciar sesión" in html


async def test_what_somebody_typed_stays_out_of_headers_and_markup(world: World, inbox: Inbox) -> None:
    typed = "Eve\r\nBcc: all@elsewhere.example\r\n\r\n<script>alert(1)</script>"
    await posted(
        staff_person(world),
        letter(
            name=typed, subject="Deactivate %(name)s?", paragraphs=("Deactivate %(name)s?",), values={"name": typed}
        ),
    )
    await work_off(world)
    (message,) = inbox.messages
    assert message["Bcc"] is None
    assert "Bcc: all@elsewhere.example" in message["Subject"], "the words stay inside their own header"
    assert message["To"].addresses[0].addr_spec == TO
    assert len(message["To"].addresses) == 1
    assert "<script>" not in parts(message)[1]


async def test_an_address_with_a_line_break_is_no_address(world: World, inbox: Inbox) -> None:
    await posted(staff_person(world), letter(to="ana@acme.example\r\nBcc: all@elsewhere.example"))
    await work_off(world)
    assert inbox.messages == []
    assert [row["status"] for row in rows(world)] == ["failed"]


async def test_what_the_server_never_takes_has_failed_and_is_not_tried_again(world: World, inbox: Inbox) -> None:
    inbox.answers[TO] = "550 5.1.1 no such person here"
    await posted(partner_person(world), letter())
    await work_off(world)
    assert rows(world) == [{"status": "failed", "attempts": 1, "error": "550 5.1.1 no such person here"}]
    assert world.sql("SELECT count(*) AS n FROM jobs.procrastinate_jobs WHERE status = 'todo'") == [{"n": 0}]


async def test_a_letter_waits_for_a_server_that_is_away_and_goes_when_it_is_back(world: World) -> None:
    with smtp() as first:
        deliver_over(world, first)
        port = first.port
    await posted(partner_person(world), letter())
    await work_off(world)
    (row,) = rows(world)
    assert (row["status"], row["attempts"]) == ("queued", 1)
    assert row["error"]
    failure = world.sql("SELECT error FROM jobs.failure")
    assert failure == [{"error": "Undelivered: Not delivered yet; the page of the letter says why"}]
    with smtp(port) as second:
        second.answers[TO] = "451 4.7.1 come back later"
        world.sql(_DUE)
        await work_off(world)
        assert rows(world) == [{"status": "queued", "attempts": 2, "error": "451 4.7.1 come back later"}]
        second.answers.clear()
        world.sql(_DUE)
        await work_off(world)
        assert len(second.messages) == 1
    assert rows(world) == [{"status": "sent", "attempts": 3, "error": ""}]


async def test_without_a_server_a_letter_is_kept(world: World) -> None:
    deliver_over(world, None)
    await posted(partner_person(world), letter())
    await work_off(world)
    assert [row["status"] for row in rows(world)] == ["kept"]


async def test_a_letter_that_was_sent_is_not_sent_again_by_its_job(world: World, inbox: Inbox) -> None:
    mail_id = await posted(partner_person(world), letter())
    assert await delivering.deliver(MAIL, mail_id=mail_id) == "sent"
    assert await delivering.deliver(MAIL, mail_id=mail_id) == "sent"
    await work_off(world)
    assert len(inbox.messages) == 1


class Slow:
    """A carrier that holds on until it is let go."""

    def __init__(self) -> None:
        self.began, self.go, self.carried = asyncio.Event(), asyncio.Event(), 0

    async def carry(self, _message: EmailMessage) -> Carried:
        self.began.set()
        await self.go.wait()
        self.carried += 1
        return "sent"


async def test_two_workers_never_send_one_letter(world: World) -> None:
    slow = Slow()
    deliver_over(world, slow)
    mail_id = await posted(partner_person(world), letter())
    first = asyncio.create_task(delivering.deliver(MAIL, mail_id=mail_id))
    await slow.began.wait()
    with pytest.raises(Undelivered, match="Another worker"):
        await delivering.deliver(MAIL, mail_id=mail_id)
    slow.go.set()
    assert await first == "sent"
    assert await delivering.deliver(MAIL, mail_id=mail_id) == "sent"
    assert slow.carried == 1


async def test_a_worker_killed_between_claim_and_sending_leaves_the_letter_to_the_next(
    world: World, inbox: Inbox
) -> None:
    slow = Slow()
    deliver_over(world, slow)
    mail_id = await posted(partner_person(world), letter())
    first = asyncio.create_task(delivering.deliver(MAIL, mail_id=mail_id))
    await slow.began.wait()
    world.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE state = 'idle in transaction' AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    deliver_over(world, inbox)
    assert await delivering.deliver(MAIL, mail_id=mail_id) == "sent"
    slow.go.set()
    with pytest.raises(Exception, match=r"clos|terminat"):
        await first
    assert len(inbox.messages) == 1


async def test_a_letter_whose_job_is_lost_is_queued_again_and_given_up_after_a_day(world: World, inbox: Inbox) -> None:
    for hours in (1, 3, 30):
        mail_id = await posted(partner_person(world), letter())
        world.sql("UPDATE portal.mail SET queued_at = now() - make_interval(hours => %s) WHERE id = %s", hours, mail_id)
    world.sql("DELETE FROM jobs.procrastinate_jobs")
    assert await delivering.chase(MAIL) == 1
    await work_off(world)
    found = world.sql("SELECT status, error FROM portal.mail ORDER BY queued_at")
    assert [row["status"] for row in found] == ["failed", "sent", "queued"]
    assert found[0]["error"].startswith("Not delivered within a day")


async def test_what_a_letter_said_is_erased_after_a_month(world: World, inbox: Inbox) -> None:
    for days in (29, 31):
        await posted(partner_person(world), letter())
        await work_off(world)
        world.sql("UPDATE portal.mail SET queued_at = now() - make_interval(days => %s), sent_at = NULL", days)
        assert await delivering.erase(MAIL) == (days > 30) * 2
    assert world.sql("SELECT DISTINCT sealed, erased_at IS NULL AS there FROM portal.mail") == [
        {"sealed": None, "there": False}
    ]


async def test_a_letter_that_lacks_a_value_is_refused_where_it_is_posted(world: World) -> None:
    with pytest.raises(KeyError):
        await posted(partner_person(world), letter(values={}))
    assert rows(world) == []


async def test_a_process_without_an_office_says_so(world: World) -> None:
    mail_id = await posted(partner_person(world), letter())
    office._open.clear()
    with pytest.raises(LookupError):
        await delivering.deliver(MAIL, mail_id=mail_id)
    assert [row["status"] for row in rows(world)] == ["queued"]


@pytest.mark.parametrize("to", ["ana@acme..com", "a@b@c.d", "(x)@y.com", "a@[x.y"])
async def test_a_letter_to_what_is_no_address_fails_and_says_so(world: World, inbox: Inbox, to: str) -> None:
    await posted(partner_person(world), letter(to=to))
    await work_off(world)
    (row,) = rows(world)
    assert (row["status"], row["attempts"]) == ("failed", 1)
    assert "cannot be written" in row["error"]
    assert inbox.messages == []
