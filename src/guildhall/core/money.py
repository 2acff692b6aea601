"""Money: a decimal with its currency, never a float (API.md, “Money”)."""

from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

# Currencies whose smallest unit is not a hundredth (ISO 4217, 2026).
EXPONENTS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(),  # noqa: SIM905
        0,
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),  # noqa: SIM905
    "CLF": 4,
    "UYW": 4,
}
_UNITS = {digits: Decimal(1).scaleb(-digits) for digits in range(5)}


class Money(Struct, frozen=True):
    """An amount in a currency (ISO 4217); in JSON `{"amount": "154.20", "currency": "USD"}`."""

    amount: Decimal
    currency: str


def money(amount: Decimal, currency: str) -> Money:
    """Return `amount` in the smallest units of `currency`, halves rounded up."""
    return Money(amount.quantize(_UNITS[EXPONENTS.get(currency, 2)], ROUND_HALF_UP), currency)
