"""The people, partners and links of the demo are exactly those of the product's story."""

from typing import Any

import psycopg
import pyotp
import pytest
from argon2 import PasswordHasher

from guildhall.core import crypto
from guildhall.domain.access.states import STATES
from guildhall.domain.rbac.registry import PARTNER_ROLES, STAFF_ROLES, areas_of, link_permissions
from guildhall.worlds import demo

World = psycopg.Connection[Any]
_PEOPLE = (
    "SELECT email, name, password_hash, totp_secret FROM portal.partner_user UNION ALL"
    " SELECT email, name, password_hash, totp_secret FROM portal.staff_user UNION ALL"
    " SELECT email, name, password_hash, totp_secret FROM tenancy.customer_user"
)


def rows(story: World, query: str, *values: object) -> list[tuple[Any, ...]]:
    return story.execute(query, values).fetchall()


def test_northwind_holds_exactly_the_links_of_the_story(story):
    found = rows(
        story,
        "SELECT l.status, CASE WHEN l.status = 'active' THEN l.operating_model END, count(*)"
        " FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' GROUP BY 1, 2",
    )
    assert {(status, model): count for status, model, count in found} == {
        ("active", "co_managed"): 14,
        ("active", "fully_managed"): 4,
        ("active", "customer_managed"): 6,
        ("expired", None): 1,
        ("paused", None): 1,
        ("requested", None): 1,
        ("declined", None): 1,
        ("revoked", None): 1,
    }


def test_one_live_link_of_northwind_ends_in_seven_days_and_no_other_within_thirty(story):
    found = rows(
        story,
        "SELECT tenant_domain, (ends_at AT TIME ZONE 'UTC')::date - (now() AT TIME ZONE 'UTC')::date"
        " FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND l.status = 'active' AND ends_at < now() + interval '30 days'",
    )
    assert found == [("lakeshore.example", 7)]


def test_every_link_said_to_be_live_is_live_by_the_database(story):
    found = rows(
        story, "SELECT status = 'active', portal.is_live(status, starts_at, ends_at) FROM portal.partner_tenant_link"
    )
    assert all(said == live for said, live in found)


def test_every_state_of_the_link_machine_occurs(story):
    found = {status for (status,) in rows(story, "SELECT DISTINCT status FROM portal.partner_tenant_link")}
    assert found == set(STATES)


def test_every_link_opens_what_the_registry_makes_of_its_terms(story):
    found = rows(story, "SELECT access_role, custom_permissions, permissions, areas FROM portal.partner_tenant_link")
    for role, custom, permissions, areas in found:
        assert permissions == sorted(link_permissions(role, custom))
        assert areas == sorted(areas_of(permissions))
    flags = {flag for _, custom, _, _ in found for flag in custom.values()}
    assert flags == {True, False}


@pytest.mark.parametrize(("kind", "status"), [("counter", "countered"), ("change", "active")])
def test_an_open_offer_waits_on_a_link_in_its_state(story, kind, status):
    found = rows(
        story,
        "SELECT l.status FROM portal.link_change AS c JOIN portal.partner_tenant_link AS l ON l.id = c.link_id"
        " WHERE c.kind = %s AND c.status = 'open'",
        kind,
    )
    assert found == [(status,)]


def test_the_open_counter_offer_offers_less_and_the_open_wish_asks_for_more(story):
    found = rows(
        story,
        "SELECT c.kind, c.permissions <@ l.permissions, c.permissions @> l.permissions FROM portal.link_change AS c"
        " JOIN portal.partner_tenant_link AS l ON l.id = c.link_id WHERE c.status = 'open' ORDER BY 1",
    )
    assert found == [("change", False, True), ("counter", True, False)]


def test_veritas_audits_twelve_of_northwinds_live_tenants(story):
    ((count,),) = rows(
        story,
        "SELECT count(*) FROM portal.partner_tenant_link AS v"
        " JOIN portal.partner_tenant_link AS n ON n.tenant_id = v.tenant_id AND n.status = 'active'"
        " WHERE v.partner_name = 'Veritas Audit' AND v.status = 'active' AND v.access_role = 'auditor'"
        " AND n.partner_name = 'Northwind Managed Services'",
    )
    assert count == 12


def test_the_other_partners_stand_as_the_story_tells(story):
    found = rows(
        story,
        "SELECT p.slug, p.type, p.status, t.slug, (SELECT count(*) FROM portal.partner_tenant_link AS l"
        " WHERE l.partner_id = p.id AND l.status = 'active') FROM portal.partner AS p"
        " LEFT JOIN tenancy.tenant AS t ON t.id = p.home_tenant_id ORDER BY 1",
    )
    assert found == [
        ("alderfinch", "reseller", "active", "alderfinch", 3),
        ("bluepeak", "technology_alliance", "active", None, 2),
        ("cascadia", "enterprise_hq", "active", "cascadia", 6),
        ("northwind", "mssp", "active", None, 24),
        ("stillwater", "mssp", "suspended", None, 2),
        ("veritas", "auditor", "active", None, 12),
    ]


def test_alder_and_finch_looks_after_subscribers_of_its_own_home_tenant(story):
    found = rows(
        story,
        "SELECT a.status, a.engagement_type, s.tenant_id = p.home_tenant_id AND a.home_tenant_id = p.home_tenant_id"
        " FROM portal.partner_account AS a JOIN portal.partner AS p ON p.id = a.partner_id"
        " JOIN tenancy.subscriber AS s ON s.id = a.subscriber_id",
    )
    assert all(at_home for _, _, at_home in found)
    assert {kind for _, kind, _ in found} == {"managed", "referral", "reseller"}
    assert sorted(status for status, _, _ in found) == ["active"] * 8 + ["ended"]


def test_northwind_has_a_person_for_every_role_and_the_vendor_for_every_role_of_staff(story):
    for role in PARTNER_ROLES:
        found = rows(story, "SELECT roles FROM portal.partner_user WHERE email = %s", f"{role}@northwind.example")
        assert found == [([role],)]
    for role in STAFF_ROLES:
        found = rows(story, "SELECT roles FROM portal.staff_user WHERE email = %s", f"{role}@halcyon.example")
        assert found == [([role],)]


def test_two_people_of_northwind_are_limited_to_some_tenants(story):
    found = rows(
        story,
        "SELECT u.tenant_scope, count(*) FROM portal.partner_user AS u"
        " JOIN portal.partner_user_tenant AS x ON x.user_id = u.id GROUP BY 1 ORDER BY 1",
    )
    assert found == [("exclude", 3), ("include", 5)]


def test_everybody_who_came_signs_in_with_the_demo_password_and_the_code_of_the_address(story):
    people = [row for row in rows(story, _PEOPLE) if row[2] is not None]
    invited = [row for row in rows(story, _PEOPLE) if row[2] is None]
    assert len(invited) == 4
    assert all(sealed is None for _, _, _, sealed in invited)
    assert len({kept for _, _, kept, _ in people}) == 1
    assert PasswordHasher().verify(people[0][2], demo.DEMO_PASSWORD)
    for email, _, _, sealed in people:
        secret = demo.totp_secret(email)
        assert crypto.unseal("totp", sealed) == secret
        assert len(pyotp.TOTP(secret).now()) == 6


def test_no_two_people_of_one_partner_share_a_name(story):
    assert rows(story, "SELECT 1 FROM portal.partner_user GROUP BY partner_id, name HAVING count(*) > 1") == []


def test_every_tenant_but_one_has_its_admin_as_approver(story):
    found = rows(
        story,
        "SELECT t.slug, array_agg(u.email) FROM tenancy.tenant AS t"
        " LEFT JOIN tenancy.customer_membership AS m ON m.tenant_id = t.id AND m.role = 'approver'"
        " LEFT JOIN tenancy.customer_user AS u ON u.id = m.user_id GROUP BY 1",
    )
    approvers = dict(found)
    assert approvers.pop("quarry-lake") == [None]
    assert all(f"admin@{slug}.example" in emails for slug, emails in approvers.items())


def test_one_customer_user_belongs_to_two_tenants(story):
    found = rows(
        story,
        "SELECT u.email, count(*) FROM tenancy.customer_user AS u"
        " JOIN tenancy.customer_membership AS m ON m.user_id = u.id GROUP BY 1 HAVING count(*) > 1",
    )
    assert found == [("it@alpenglow.example", 2)]


def test_the_printed_sign_ins_exist_on_their_surfaces(story):
    tables = {
        "partners": "portal.partner_user",
        "customers": "tenancy.customer_user",
        "staff": "portal.staff_user",
    }
    for one in demo.sign_ins():
        assert rows(story, f"SELECT 1 FROM {tables[one.surface]} WHERE email = %s", one.email) == [(1,)]
        assert one.purpose


def test_the_shown_link_code_is_one_that_the_tenant_made(story):
    kept = crypto.token_hash(demo.link_code("fairhaven").replace("-", ""))
    found = rows(
        story,
        "SELECT t.slug FROM tenancy.link_code AS c JOIN tenancy.tenant AS t ON t.id = c.tenant_id"
        " WHERE c.code_hash = %s AND c.expires_at > now() AND c.withdrawn_at IS NULL",
        kept,
    )
    assert found == [("fairhaven",)]
