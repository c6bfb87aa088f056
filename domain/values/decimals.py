"""Exact fractions as decimal text."""

from fractions import Fraction


def decimal(value: Fraction, places: int) -> str:
    """The value with so many places, halves rounded away from zero; a zero has no sign.

    So that exchanging the sides of a difference changes the sign alone, which rounding halves up on the number line
    would not give.
    """
    return quotient(value.numerator, value.denominator, places)


def quotient(numerator: int, denominator: int, places: int) -> str:
    """The same of two integers, the second above 0: a tenth of a fraction's cost, for answers of many rates."""
    unit = 10**places
    units = (abs(numerator) * unit * 2 + denominator) // (denominator * 2)
    sign = "-" if numerator < 0 and units else ""
    whole, part = divmod(units, unit)
    return f"{sign}{whole}.{part:0{places}d}"
