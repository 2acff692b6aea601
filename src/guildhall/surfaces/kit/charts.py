"""The numbers behind a chart: drawn by ECharts from the same values that fill the table behind it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec
from markupsafe import Markup

Kind = Literal["line", "area", "bars", "bars-flat", "ring", "funnel"]


class Series(msgspec.Struct, frozen=True):
    """One named row of values, as many as the chart has labels; None is a gap, never a zero."""

    name: str
    values: Sequence[Decimal | float | int | None]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart: its `kind`, translated `labels` along the category axis, and one or more `series`.

    `summary` is one translated sentence that says what the picture shows. `currency` (ISO 4217) or `unit`
    ("percent", values as shares) formats the values; `stacked` puts series on each other. Ring and funnel
    take one series.
    """

    kind: Kind
    labels: Sequence[str]
    series: Sequence[Series]
    summary: str
    currency: str | None = None
    unit: Literal["percent"] | None = None
    stacked: bool = False


_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)  # labels may be Markup
_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def chart_json(chart: Chart) -> Markup:
    """`chart` as JSON that can stand in a `<script type="application/json">`.

    Nothing in it can end the element.
    """
    return Markup(_encoder.encode(chart).decode().translate(_UNSAFE))  # noqa: S704  (markup characters escaped)
