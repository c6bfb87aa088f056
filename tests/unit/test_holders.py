"""What several grants of one holder allow: each what it allows alone, and no mixture."""

import pytest

from api.access import readings
from api.admission.callers import decide
from api.asking.questions import question_of
from api.evidence import bundles
from api.inspection import event_trail
from api.ledger import organizations, rates
from api.web.problems import Problem
from services.access.callers import Holder, together

NORTH = Holder("someone", frozenset({"operator"}), None, ("990101",))
SOUTH = Holder("someone", frozenset({"inspector"}), None, ("990202",))
WHOLE = Holder("someone", frozenset({"auditor"}))


def test_what_both_grants_open_is_seen_in_both_regions() -> None:
    assert decide([NORTH, SOUTH], question_of(organizations.list_)).scope == ("990101", "990202")


def test_what_one_grant_opens_is_seen_in_its_regions_alone() -> None:
    assert decide([NORTH, SOUTH, WHOLE], question_of(event_trail.get_audit)).scope == ("990202",)


def test_a_grant_without_regions_does_not_widen_another_role_s() -> None:
    assert decide([NORTH, WHOLE], question_of(rates.get)).scope == ("990101",)
    assert decide([NORTH, WHOLE], question_of(readings.list_)).scope is None
    with pytest.raises(Problem, match="needs one of the roles"):
        decide([NORTH, SOUTH], question_of(readings.list_))
    with pytest.raises(Problem, match="limited to 990202"):
        decide([NORTH, SOUTH], question_of(bundles.export))


def test_a_route_without_a_rule_is_closed() -> None:
    with pytest.raises(Problem, match="no rule"):
        decide([WHOLE], None)


def test_a_source_limit_goes_with_a_grant_that_has_none() -> None:
    limited = Holder("someone", frozenset({"publisher"}), frozenset({"/a"}))
    assert together([limited, limited._replace(sources=frozenset({"/b"}))]).sources == frozenset({"/a", "/b"})
    assert together([limited, limited._replace(sources=None)]).sources is None
