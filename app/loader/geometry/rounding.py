"""Rounding of stored areas and shares, so that two loads of a file store the same values."""

# The last digits of a floating-point sum depend on the order of its terms, which PostgreSQL does not guarantee.
_AREA_DECIMALS = 6
_AREA_DIGITS = 9
_SHARE_DECIMALS = 9


def area_sql(expression: str) -> str:
    """Return SQL for an area in km2 of at most 9 significant digits and at most 6 decimals, which is a square metre."""
    decimals = f"least({_AREA_DECIMALS}, {_AREA_DIGITS - 1} - floor(log(greatest(({expression})::numeric, 1e-6)))::int)"
    return f"round(({expression})::numeric, {decimals})::float8"


def share_sql(expression: str) -> str:
    """Return SQL for a share between 0 and 1 with 9 decimals."""
    return f"round(least(greatest(({expression})::numeric, 0), 1), {_SHARE_DECIMALS})::float8"
