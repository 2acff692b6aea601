"""Money, cursors and text: the small values that lists and answers are made of."""

import base64
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


OLDEST, NEWEST = datetime(1900, 1, 1), datetime(8999, 12, 31)  # noqa: DTZ001


class Place(msgspec.Struct, frozen=True):
    """A place in a list of the tests."""

    value: datetime | int
    id: UUID


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault of a cursor
@given(st.one_of(st.integers(-(2**59), 2**59), st.datetimes(OLDEST, NEWEST, timezones=st.just(UTC))), st.uuids())
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


@pytest.mark.parametrize(
    "value", ['"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', '"2026-11-27T00:00:00"', str(2**70)]
)
def test_what_no_list_holds_is_refused(value: str) -> None:
    place = f'{{"value":{value},"id":"{UUID(int=1)}"}}'
    with pytest.raises(Invalid):
        cursor.decode(base64.urlsafe_b64encode(place.encode()).rstrip(b"=").decode(), Place)
    for read in (cursor.moment, cursor.amount):
        with pytest.raises(Invalid):
            read(value.strip('"') + "0" * 20)
    with pytest.raises(Invalid):
        cursor.amount("1E+999999")


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
