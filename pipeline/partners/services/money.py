"""Amounts in words: minor units and ISO 4217 codes."""

_NONE = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"}
    | {"RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_DECIMALS = dict.fromkeys(_NONE, 0) | dict.fromkeys(_THREE, 3)
"""Decimals of the currencies that have not two (ISO 4217, list one)."""

AMOUNT_MAX = 10**12
"""Largest amount in minor units: exact in JSON's numbers, and within what a report may hold."""


def money(amount_minor: int, currency: str) -> str:
    """An amount in words.

    >>> money(123456, "EUR"), money(500, "JPY"), money(5, "KWD")
    ('1,234.56 EUR', '500 JPY', '0.005 KWD')
    """
    decimals = _DECIMALS.get(currency, 2)
    whole, rest = divmod(amount_minor, 10**decimals)
    return f"{whole:,}{f'.{rest:0{decimals}}' if decimals else ''} {currency}"
