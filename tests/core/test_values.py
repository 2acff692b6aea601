"""Money, cursors and text: the small values that lists and answers are made of."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Integer

from guildhall.core import cursor
from guildhall.core.errors import Invalid
from guildhall.core.money import Money, money
from guildhall.core.sql import bound
from guildhall.core.text import containing, storable


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("154.2000", "USD", "154.20"),
        ("0.005", "EUR", "0.01"),
        ("-0.005", "EUR", "-0.01"),
        ("10.5", "JPY", "11"),
        ("1.2345", "KWD", "1.235"),
        ("0", "GBP", "0.00"),
    ],
)
def test_money_is_in_the_smallest_units_of_its_currency_halves_up(amount: str, currency: str, shown: str) -> None:
    made = money(Decimal(amount), currency)
    assert made == Money(Decimal(shown), currency)
    assert msgspec.json.decode(msgspec.json.encode(made)) == {"amount": shown, "currency": currency}


class Place(msgspec.Struct, frozen=True):
    """A place in a list of the tests."""

    value: datetime | int
    id: UUID


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault of a cursor
@given(st.one_of(st.integers(-(2**60), 2**60), st.datetimes(timezones=st.just(UTC))), st.uuids())
def test_a_cursor_is_read_as_it_was_made(value: datetime | int, identity: UUID) -> None:
    place = Place(value, identity)
    made = cursor.encode(place)
    assert cursor.decode(made, Place) == place
    assert made.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=700))
def test_anything_else_is_refused_and_never_a_fault(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        cursor.decode(text, Place)
    assert list(refused.value.errors) == ["cursor"]


@pytest.mark.parametrize(("text", "kept"), [("naïve 😀", True), ("", True), ("a\x00b", False), ("\udcff", False)])
def test_text_that_the_database_cannot_hold_is_known(text: str, kept: bool) -> None:  # noqa: FBT001
    assert storable(text) is kept


def test_wildcards_of_a_search_are_taken_literally() -> None:
    assert containing(r"50%_\x") == r"%50\%\_\\x%"


def test_parameters_are_found_by_name_and_casts_are_left_alone() -> None:
    made = bound("SELECT CAST(:b AS int), :a, :b, x::text", {"a": Integer(), "b": Integer()})
    assert made.names == ("b", "a")
    assert made.sql == "SELECT CAST($1::INTEGER AS int), $2::INTEGER, $1::INTEGER, x::text"
    assert made.ordered({"a": 1, "b": 2}) == [2, 1]
