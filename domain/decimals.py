"""Exact fractions as decimal text."""

from fractions import Fraction


def decimal(value: Fraction, places: int) -> str:
    """The value with so many places, halves rounded away from zero; a zero has no sign.

    So that exchanging the sides of a difference changes the sign alone, which rounding halves up on the number line
    would not give.
    """
    unit = 10**places
    units = (abs(value.numerator) * unit * 2 + value.denominator) // (value.denominator * 2)
    sign = "-" if value < 0 and units else ""
    whole, part = divmod(units, unit)
    return f"{sign}{whole}.{part:0{places}d}"
