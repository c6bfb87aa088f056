"""Matching: how alike two records are, and what persons have decided of them."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

from domain.events.acts import fold_acts
from domain.events.facts import Fact

DECIDED: Final = "taizhang.match.decided.v1"
# Words of a legal form or a scope, which say nothing of who it is.
_FORMS: Final = re.compile(
    r"(?:有限责任公司|股份有限公司|有限公司|集团|总公司|分公司|公司|个体工商户|经营部|经营店|工作室|合作社|商行|店|厂|中心|协会)$"
)
_OUTSIDE: Final = re.compile(r"[\s()\[\]【】<>《》·.,、,\-_/]+")
_PLACE: Final = re.compile(r"^[\u4e00-\u9fff]{1,6}?(?:省|市|县|区|镇|乡|街道)")


class Decision(NamedTuple):
    """What a person decided of two records; `undone_on` is None while it stands."""

    match: str
    org: str
    other: str
    same: bool
    reason: str
    decided_on: date
    undone_on: date | None
    undone_reason: str | None
    decided_by: Sequence[int]


class Contradicted(NamedTuple):
    """A fact without effect: decided while a decision of the name stands, or undone while none does."""

    match: str
    contradiction: Literal["already_decided", "not_decided"]
    position: int


def plain_name(name: str, place: str | None = None) -> str:
    """A name without its place, legal form, brackets and white space, in one width.

    高朗区瑞达（商贸）有限公司 gives 瑞达商贸.

    Args:
        name: as a registry or a grid worker has it.
        place: the name of the county, taken off the front as well.
    """
    found = _OUTSIDE.sub("", unicodedata.normalize("NFKC", name)).lower()
    short = (place or "")[:2]
    for begin in (place, short):
        if begin and found.startswith(begin):
            found = found.removeprefix(begin)
            break
    else:
        found = _PLACE.sub("", found)
    while (cut := _FORMS.sub("", found)) != found and cut:
        found = cut
    return found


def decisions(facts: Iterable[Fact]) -> tuple[list[Decision], list[Contradicted]]:
    """Every decision after its facts, given in canonical order; once undone, the same match may be decided anew."""
    found, wrong = fold_acts(facts, DECIDED, _decided, _undone, lambda each: each.undone_on is None)
    return list(found.values()), [
        Contradicted(each.entity, "already_decided" if each.begins else "not_decided", each.position) for each in wrong
    ]


def _decided(fact: Fact) -> Decision:
    data = fact.data
    other = data.get("other") or data["visit"]
    return Decision(
        fact.entity, data["org"], other, data["same"], data["reason"], fact.effective_on, None, None, fact.decided_by
    )


def _undone(before: Decision, fact: Fact) -> Decision:
    decided_by = (*before.decided_by, *fact.decided_by)
    return before._replace(undone_on=fact.effective_on, undone_reason=fact.data["reason"], decided_by=decided_by)


def decided_pairs(made: Iterable[Decision]) -> frozenset[frozenset[str]]:
    """The pairs of which a decision stands, whichever it is."""
    return frozenset(frozenset((each.org, each.other)) for each in made if each.undone_on is None)
