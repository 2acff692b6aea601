"""Clocks and steps of a ticket (PRODUCT §8), without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from guildhall.domain.support import rules

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


@pytest.mark.parametrize(("priority", "allowed"), [("urgent", 1), ("high", 4), ("normal", 8), ("low", 24)])
def test_a_clock_runs_as_long_as_its_priority_allows(priority: str, allowed: int) -> None:
    assert rules.due_at(NOON, priority=priority, agreed_hours=None) == NOON + hours(allowed)


def test_a_running_clock_is_explained_by_its_priority_and_what_was_agreed() -> None:
    plain = rules.formula("high", NOON, NOON + hours(4), "running")
    assert plain == rules.Formula(due=NOON + hours(4), given=hours(4), hours=4)
    agreed = rules.formula("high", NOON, NOON + hours(2.5), "due_soon")
    assert agreed == rules.Formula(due=NOON + hours(2.5), given=hours(2.5), hours=4, agreed=True)
    anew = rules.formula("high", NOON, NOON + hours(30), "running")
    assert anew == rules.Formula(due=NOON + hours(30), given=hours(4), hours=4, anew=True)


def test_a_clock_that_stopped_says_no_priority_since_that_may_have_changed() -> None:
    for state in ("breached", "met"):
        found = rules.formula("low", NOON, NOON + hours(1), state)  # type: ignore[arg-type]
        assert found == rules.Formula(due=NOON + hours(1), given=hours(1))
    assert rules.formula("low", NOON, None, "none") is None


@pytest.mark.parametrize(("agreed", "allowed"), [(2, 2), (8, 8), (100, 8), (0.5, 0.5)])
def test_a_link_tightens_the_clock_and_never_loosens_it(agreed: float, allowed: float) -> None:
    assert rules.due_at(NOON, priority="normal", agreed_hours=agreed) == NOON + hours(allowed)


@pytest.mark.parametrize(
    ("configs", "shortest"),
    [
        ([], None),
        ([{}], None),
        ([{"response_hours": 4}, {"response_hours": 2.5}, {}], 2.5),
        ([{"response_hours": "2"}, {"response_hours": True}, {"response_hours": None}, {"response_hours": 0}], None),
        ([{"response_hours": -1}, {"response_hours": 3}], 3),
    ],
)
def test_the_shortest_agreed_time_counts_and_nonsense_for_nothing(
    configs: list[dict[str, object]], shortest: float | None
) -> None:
    assert rules.response_hours(configs) == shortest


@pytest.mark.parametrize(
    ("status", "may"),
    [
        ("open", {"pending", "resolved", "closed"}),
        ("pending", {"open", "resolved", "closed"}),
        ("resolved", {"open", "closed"}),
        ("closed", {"open"}),
    ],
)
def test_a_ticket_goes_these_ways_and_no_other(status: str, may: set[str]) -> None:
    assert {other for other in rules.STEPS if rules.may_become(status, other)} == may


@pytest.mark.parametrize(
    ("status", "after", "recorded", "shown"),
    [
        ("open", 1, False, "running"),
        ("open", 6, False, "due_soon"),
        ("pending", 7.9, False, "due_soon"),
        ("open", 8, False, "breached"),
        ("resolved", 7, False, "met"),
        ("closed", 900, False, "met"),
        ("closed", 900, True, "breached"),
    ],
)
def test_a_clock_shows_where_it_stands(status: str, after: float, recorded: bool, shown: str) -> None:  # noqa: FBT001
    due = NOON + hours(8)
    state = rules.clock_state(status, "normal", NOON, due, due if recorded else None, now=NOON + hours(after))
    assert state == shown


def test_a_ticket_without_a_clock_shows_none() -> None:
    assert rules.clock_state("open", "normal", NOON, None, None, now=NOON) == "none"


def test_a_reopened_clock_is_known_by_running_longer_than_its_priority_allows() -> None:
    reopened = NOON + hours(50)
    due = rules.due_at(reopened, priority="high", agreed_hours=2)
    assert rules.started_at(NOON, due, priority="high", agreed_hours=2) == reopened
    assert rules.started_at(NOON, NOON + hours(2), priority="high", agreed_hours=2) == NOON
