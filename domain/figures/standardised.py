"""Who improved most, with the mix held constant: direct standardisation of a rate on the shares of a standard.

A county's rate moves also because it has more of the kinds that are covered easily. So the same shares are laid under
both dates and under every group: with w the share of a stratum (a kind, a category) in the standard, and r the group's
own rate in it, the standardised rate is the sum of w·r, at each date; its rise is the sum of w·(r1 - r0). The standard
is the whole at the earlier date. A stratum of which a group has nothing at one of the dates has no rate there: it is
left out on both sides of that group, the weights of the others are brought to 1 again, and `share` says how much of the
standard that was.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from domain.figures.ranking import Rank, exact, ranked
from domain.ledger.rates import Key, Rate

# By stratum.
Strata = Mapping[str | None, Rate]


class Stratum(NamedTuple):
    """One stratum of a group: its share of the standard, and the group's own rate in it at both dates."""

    stratum: str | None
    share: Fraction
    before: Rate | None
    after: Rate | None


class Improvement(NamedTuple):
    """A group's standardised rates; None where it has no stratum at both dates.

    Attributes:
        share: how much of the standard they rest on, of 1.
        strata: all of the standard, the largest first; what rests on nothing is among them.
    """

    before: Fraction | None
    after: Fraction | None
    share: Fraction
    strata: list[Stratum]

    @property
    def change(self) -> Fraction | None:
        """After less before."""
        return None if self.before is None or self.after is None else self.after - self.before


def standard_of(strata: Strata) -> dict[str | None, Fraction]:
    """Each stratum's share of the denominators of a whole; those of nothing are left out."""
    whole = sum(rate.denominator for rate in strata.values())
    return {name: Fraction(rate.denominator, whole) for name, rate in strata.items() if rate.denominator}


def improvement(standard: Mapping[str | None, Fraction], before: Strata, after: Strata) -> Improvement:
    """One group's standardised rates at two dates."""
    made = [Stratum(name, share, before.get(name), after.get(name)) for name, share in standard.items()]
    made.sort(key=lambda each: (-each.share, each.stratum is None, each.stratum or ""))
    both = [
        (each.share, old, new)
        for each in made
        if (old := _exact(each.before)) is not None and (new := _exact(each.after)) is not None
    ]
    share = sum((each for each, _, _ in both), Fraction())
    if not share:
        return Improvement(None, None, share, made)
    old, new = (sum((each[0] * each[side] for each in both), Fraction()) / share for side in (1, 2))
    return Improvement(old, new, share, made)


def _exact(rate: Rate | None) -> Fraction | None:
    return None if rate is None else exact(rate)


def by_stratum(groups: Mapping[Key, Rate]) -> dict[Key, dict[str | None, Rate]]:
    """Rates by a grouping whose last dimension is the stratum, by group."""
    found: dict[Key, dict[str | None, Rate]] = {}
    for key, rate in groups.items():
        found.setdefault(key[:-1], {})[key[-1]] = rate
    return found


def whole_by_stratum(groups: Iterable[Strata]) -> dict[str | None, Rate]:
    """The rates of all groups together, by stratum."""
    found: dict[str | None, Rate] = {}
    for strata in groups:
        for name, rate in strata.items():
            found[name] = together((found[name], rate)) if name in found else rate
    return found


def together(found: Iterable[Rate]) -> Rate:
    """The rate of these side by side; its `value` is left out, its numerator None where one of them has no answer."""
    sides = [(each.numerator, each.denominator) for each in found]
    numerators = [above for above, _ in sides if above is not None]
    return Rate(
        sum(numerators) if len(numerators) == len(sides) else None, sum(below for _, below in sides), None
    )  # fmt: skip


def most_improved(found: Mapping[Key, Improvement]) -> list[tuple[Key, Improvement, Rank | None]]:
    """The groups by their exact rise, the largest first, ranked by the tie rule; those without one last."""
    order = ranked({key: each.change for key, each in found.items()})
    placed = sorted(found.items(), key=lambda item: (order[item[0]] is None, order[item[0]] or Rank(0, 0)))
    return [(key, each, order[key]) for key, each in placed]
