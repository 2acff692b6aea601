"""Webhooks over a real receiver: signed as the standard says, tried again on the ladder, once in the log."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from guildhall import runtime
from guildhall.core import clock, db
from guildhall.core.actor import Actor, system
from guildhall.domain.access import asking, consent
from guildhall.domain.webhooks import acts, delivering, events
from guildhall.domain.webhooks.acts import Draft, Made
from guildhall.settings import load
from support_actors import customer_person, domain_world, link_id, partner_person
from support_certificates import Authority
from support_receivers import Receiver, receiver
from support_smtp import deliver_over, work_off
from support_world import Cluster, World

pytestmark = pytest.mark.anyio
_LOG = "SELECT status, attempts, error, response_status FROM portal.webhook_delivery ORDER BY created_at, id"
_DUE = (
    "UPDATE portal.webhook_delivery SET next_at = now() WHERE status = 'waiting'",
    "UPDATE jobs.procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'",
)
HOOKS = system("webhooks")


@pytest.fixture
async def world(cluster: Cluster, anyio_backend: str) -> AsyncIterator[World]:
    async with domain_world(cluster) as made:
        made.sql(
            "TRUNCATE portal.webhook_endpoint, portal.webhook_secret, portal.webhook_event, portal.webhook_delivery,"
            " portal.webhook_attempt"
        )
        deliver_over(made, None)
        yield made


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


async def endpoint(world: World, hooks: Receiver, *patterns: str) -> Made:
    draft = Draft(url=hooks.url, description="Desk", events=patterns or ("*",))
    return await acts.add(partner_person(world), draft=draft, now=clock.now())


async def try_out(world: World, made: Made) -> None:
    await acts.test(partner_person(world), endpoint_id=made.endpoint_id)


def log(world: World) -> list[dict[str, Any]]:
    return world.sql(_LOG)


async def next_try(world: World) -> None:
    """Move the clock of what waits to its next moment, and let the worker work."""
    for statement in _DUE:
        world.sql(statement)
    await work_off(world)


async def test_a_delivery_is_verified_by_the_outside_library_and_by_hand(world: World, hooks: Receiver) -> None:
    made = await endpoint(world, hooks)
    await try_out(world, made)
    await work_off(world)
    ((headers, body),) = hooks.came
    said = Webhook(made.secret).verify(body, headers)
    assert set(said) == {"type", "timestamp", "data"}
    assert said["type"] == "webhook.test"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(made.secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(body.replace(b"Ana", b"Eve") + b" ", headers)
    assert log(world) == [{"status": "delivered", "attempts": 1, "error": "", "response_status": 204}]


async def test_a_receiver_that_fails_five_times_gets_each_event_once_in_the_log(world: World, hooks: Receiver) -> None:
    made = await endpoint(world, hooks)
    hooks.answers, hooks.body = [500, 503, 302, 429, 404], b"not now" + b"." * 5000
    hooks.location = "http://127.0.0.1:1/elsewhere"
    await try_out(world, made)
    for count in range(5):
        await (next_try(world) if count else work_off(world))
        assert [(row["status"], row["attempts"]) for row in log(world)] == [("waiting", count + 1)]
    (step,) = world.sql("SELECT extract(epoch FROM next_at - last_at)::float AS s FROM portal.webhook_delivery")
    assert step["s"] == pytest.approx(5 * 3600, rel=0.1)
    await next_try(world)
    assert [(row["status"], row["attempts"]) for row in log(world)] == [("delivered", 6)]
    assert len(hooks.came) == 6
    assert len({headers["webhook-id"] for headers, _ in hooks.came}) == 1
    assert len({body for _, body in hooks.came}) == 1
    kept = world.sql("SELECT response_status, length(response) AS n FROM portal.webhook_attempt ORDER BY at")
    assert [row["response_status"] for row in kept] == [500, 503, 302, 429, 404, 204]
    assert kept[0]["n"] == 2048
    assert world.sql("SELECT failing_since FROM portal.webhook_endpoint") == [{"failing_since": None}]
    await next_try(world)
    assert len(hooks.came) == 6, "what was delivered is not sent again"


async def test_a_certificate_that_nobody_signed_is_refused_until_its_authority_is_trusted(
    world: World, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    with receiver(authority.serving("localhost")) as hooks:
        await try_out(world, await endpoint(world, hooks))
        await work_off(world)
        said = "The certificate was signed by nobody whom this installation trusts"
        assert log(world) == [{"status": "waiting", "attempts": 1, "error": said, "response_status": None}]
        assert hooks.came == []
        settings = load({"GUILDHALL_WEBHOOK_CA_FILE": str(authority.file)})
        runtime.open_webhooks(settings)
        await next_try(world)
        assert [row["status"] for row in log(world)] == ["delivered"]
        assert len(hooks.came) == 1


async def test_an_endpoint_that_is_gone_is_switched_off_at_once_and_its_principals_are_told(
    world: World, hooks: Receiver
) -> None:
    made = await endpoint(world, hooks)
    hooks.answers = [410]
    await try_out(world, made)
    await work_off(world)
    assert [row["status"] for row in log(world)] == ["failed"]
    (row,) = world.sql("SELECT status, disabled_for FROM portal.webhook_endpoint")
    assert row == {"status": "disabled", "disabled_for": "gone"}
    assert world.sql("SELECT count(*) > 0 AS told FROM portal.mail WHERE kind = 'webhook.disabled'") == [{"told": True}]
    trail = world.sql("SELECT action FROM portal.audit_entry WHERE kind = 'partner' ORDER BY at DESC, sequence DESC")
    assert trail[0]["action"] == "webhook.disabled"
    async with db.transaction(HOOKS) as connection:
        await events.emit(
            connection, kind="partner.tenant.status_changed", partner_id=row_partner(world), tenant_id=None, data={}
        )
    assert len(log(world)) == 1, "nothing more is kept for it"


def row_partner(world: World) -> UUID:
    found: UUID = world.sql("SELECT partner_id FROM portal.webhook_endpoint")[0]["partner_id"]
    return found


async def test_an_endpoint_that_takes_nothing_down_the_whole_ladder_is_switched_off(
    world: World, hooks: Receiver
) -> None:
    made = await endpoint(world, hooks)
    hooks.answers = [500] * 20
    await try_out(world, made)
    await work_off(world)
    for _ in delivering.LADDER[:-1]:
        await next_try(world)
    assert world.sql("SELECT status FROM portal.webhook_endpoint") == [{"status": "active"}]
    await next_try(world)
    assert [(row["status"], row["attempts"]) for row in log(world)] == [("failed", 10)]
    assert world.sql("SELECT disabled_for FROM portal.webhook_endpoint") == [{"disabled_for": "failing"}]
    assert sum(delivering.LADDER, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)


async def test_during_a_rotation_both_secrets_verify_and_after_it_only_the_new_one(
    world: World, hooks: Receiver
) -> None:
    made = await endpoint(world, hooks)
    person = partner_person(world)
    new = await acts.rotate(person, endpoint_id=made.endpoint_id, overlap=acts.USUAL_OVERLAP, now=clock.now())
    await try_out(world, made)
    await work_off(world)
    headers, body = hooks.came[-1]
    Webhook(made.secret).verify(body, headers)
    Webhook(new.secret).verify(body, headers)
    world.sql("UPDATE portal.webhook_secret SET ends_at = now() WHERE ends_at IS NOT NULL")
    await try_out(world, made)
    await work_off(world)
    headers, body = hooks.came[-1]
    Webhook(new.secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(body, headers)


async def test_every_step_of_a_link_is_told_and_nothing_of_a_tenant_after_the_link_died(
    world: World, hooks: Receiver
) -> None:
    await endpoint(world, hooks, "partner.link.*", "partner.tenant.status_changed")
    tenant_id = world.tenant("acme-fiber")
    world_link = link_id(world, "northwind", "acme-fiber")
    change_status(world, tenant_id, "suspended")
    await consent.revoke(customer_person(world), link_id=world_link, reason="Over")
    change_status(world, tenant_id, "active")
    await work_off(world)
    (said,) = hooks.said()
    assert said["type"] == "partner.link.revoked"
    assert said["data"]["side"] == "tenant"
    assert said["data"]["previous_status"] == "active"
    assert said["data"]["tenant_id"] == str(tenant_id)
    assert [(row["status"], row["error"]) for row in log(world)] == [
        ("dropped", delivering.CLOSED),
        ("delivered", ""),
    ]


def change_status(world: World, tenant_id: UUID, status: str) -> None:
    """Change a tenant's status as the platform does."""
    role = f"SET LOCAL ROLE {world.cluster.prefix}platform"
    world.sql(f"{role}; UPDATE tenancy.tenant SET status = '{status}' WHERE id = '{tenant_id}'")


async def test_a_request_tells_no_more_of_a_tenant_than_the_partner_knows(world: World, hooks: Receiver) -> None:
    await endpoint(world, hooks, "partner.link.requested")
    slug = world.sql("SELECT domain FROM tenancy.tenant WHERE id = %s", world.unlinked("northwind"))[0]["domain"]
    for domain in (slug, "nobody-has-this.example"):
        await ask(partner_person(world), domain)
    await work_off(world)
    known, unknown = (said["data"] for said in hooks.said())
    assert known["tenant_id"] is None
    assert known["tenant_name"] is None
    assert known.keys() == unknown.keys()
    hidden = {"link_id", "tenant_domain", "starts_at", "ends_at"}
    assert {name: known[name] for name in known.keys() - hidden} == {
        name: unknown[name] for name in unknown.keys() - hidden
    }


async def ask(actor: Actor, domain: str) -> None:
    from guildhall.domain.access.terms import Terms

    terms = Terms(
        access_role="msp_support",
        operating_model="co_managed",
        ends_at=clock.now() + timedelta(days=90),
        starts_at=None,
        custom_permissions={},
        relationship_type="msp_managed",
        reason="",
    )
    await asking.request_by_domain(actor, domain=domain, approver="admin@nobody.example", terms=terms, now=clock.now())


async def test_a_ticket_is_told_to_partners_whose_link_opens_tickets_and_to_no_other(
    world: World, hooks: Receiver
) -> None:
    await endpoint(world, hooks, "partner.tenant.*")
    tenant_id = world.tenant("acme-fiber")
    insert = (
        f"SET LOCAL ROLE {world.cluster.prefix}platform; INSERT INTO tenancy.ticket"
        " (id, tenant_id, number, subject, created_by_kind, created_by_name, created_at)"
        " VALUES (gen_random_uuid(), '{}', NULL, 'Line down', 'platform', 'Platform', now() - interval '{}')"
    )
    world.sql(insert.format(tenant_id, "1 minute"))
    world.sql(insert.format(tenant_id, "2 days"))
    world.sql(insert.format(world.unlinked("northwind"), "1 minute"))
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions = array_remove(permissions, 'partner.support.tickets.read')"
    )
    world.sql(insert.format(tenant_id, "1 minute"))
    world.sql("UPDATE portal.partner_tenant_link SET permissions = permissions || '{partner.support.tickets.read}'")
    await work_off(world)
    (said,) = hooks.said()
    assert said["type"] == "partner.tenant.ticket_created"
    assert said["data"]["tenant_id"] == str(tenant_id)
    assert said["data"]["subject"] == "Line down"


async def test_what_failed_is_replayed_under_the_same_id(world: World, hooks: Receiver) -> None:
    made = await endpoint(world, hooks)
    person = partner_person(world)
    for _ in range(2):
        await try_out(world, made)
    world.sql("UPDATE portal.webhook_delivery SET status = 'failed', next_at = NULL, attempts = 10")
    began = clock.now() - timedelta(hours=1)
    assert await acts.replay_failed(person, endpoint_id=made.endpoint_id, since=clock.now()) == 0
    assert await acts.replay_failed(person, endpoint_id=made.endpoint_id, since=began) == 2
    await work_off(world)
    assert [(row["status"], row["attempts"]) for row in log(world)] == [("delivered", 1)] * 2
    (first, *_) = world.sql("SELECT id, event_id FROM portal.webhook_delivery")
    await acts.replay(person, endpoint_id=made.endpoint_id, delivery_id=first["id"])
    await work_off(world)
    assert hooks.came[-1][0]["webhook-id"] == str(first["event_id"])
    assert len(log(world)) == 2


async def test_a_worker_that_dies_while_it_posts_loses_and_doubles_nothing_in_the_log(
    world: World, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await endpoint(world, hooks)
    await try_out(world, made)
    (row,) = world.sql("SELECT id, partner_id FROM portal.webhook_delivery")
    ids = {"delivery_id": row["id"], "partner_id": row["partner_id"]}
    actor = system("webhooks", partner_id=row["partner_id"])
    with monkeypatch.context() as patched:

        async def die(*_: Any, **__: Any) -> str:
            raise KeyboardInterrupt

        patched.setattr(delivering, "_write_down", die)
        with pytest.raises(KeyboardInterrupt):
            await delivering.deliver(actor, **ids)
    assert [each["status"] for each in log(world)] == ["waiting"]
    assert await delivering.deliver(actor, **ids) == "delivered"
    assert await delivering.deliver(actor, **ids) == "not due"
    assert len({headers["webhook-id"] for headers, _ in hooks.came}) == 1
    assert len(world.sql("SELECT 1 FROM portal.webhook_attempt")) == 1


async def test_deliveries_whose_job_is_lost_are_found_and_old_logs_go(world: World, hooks: Receiver) -> None:
    made = await endpoint(world, hooks)
    await try_out(world, made)
    world.sql("DELETE FROM jobs.procrastinate_jobs")
    world.sql("UPDATE portal.webhook_delivery SET next_at = now() - interval '11 minutes'")
    assert await delivering.chase(HOOKS) == 1
    await work_off(world)
    assert len(hooks.came) == 1
    assert await delivering.tidy(HOOKS) == 0
    for table, column in (("event", "created_at"), ("delivery", "created_at"), ("attempt", "at")):
        world.sql(f"UPDATE portal.webhook_{table} SET {column} = {column} - interval '31 days'")
    assert await delivering.tidy(HOOKS) == 1
    assert log(world) == []
