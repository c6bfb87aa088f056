"""What one right lets its holder say of one event, rule by rule: the words on each side of each."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from domain.access.rights import REGISTERED, Changed, Judged, Place, Right, judge
from domain.events.access import Role
from domain.events.facts import Event
from services.access.api_keys import Keyring, add_key
from services.access.grants import today
from tests.histories import as_events
from tests.sending import CIVIL, MARKET, corrected, envelope, retracted

HERE, THERE = ("990101",), ("990202",)
STEWARD: frozenset[Role] = frozenset({"steward"})
REGISTRY = Right(sources=frozenset({MARKET}))
ENROLLED = envelope(
    "e",
    "member.enrolled",
    {"effective_on": "2024-01-01", "member": "member:m", "standing": "full", "org": None},
    MARKET,
)
RENAMED = envelope(
    "e", "organization.changed", {"effective_on": "2024-01-01", "org": "group:g-1", "name": "名"}, MARKET
)  # fmt: skip


def of(content: dict[str, object]) -> Event:
    (event,) = as_events([content])
    return event


def said(
    right: Right, event: Event, target: str | None = None, places: Iterable[Place] = (), by: Iterable[str] = ()
) -> str | None:
    """By which rule a right does not allow an event; None where it does."""
    found = Changed(frozenset(places))
    reason = judge("one", (right,), Judged(event, target, lambda: found, lambda _: frozenset(by)))
    return reason.rule if reason else None


def test_a_word_ahead_of_its_event_takes_a_right_without_limits_or_one_that_names_its_own_source() -> None:
    ahead = of(retracted("w", "e", source=MARKET))
    assert ahead.target[0] == ahead.source
    assert said(Right(), ahead) is None
    assert said(Right(scope=HERE), ahead) == "target_unknown"
    assert said(Right(sources=frozenset({MARKET}), scope=HERE), ahead) is None
    assert said(Right(scope=HERE), ahead, "taizhang.member.enrolled.v1", [Place(None, HERE[0])]) is None
    assert said(Right(scope=HERE), of(ENROLLED), None, [Place(None, HERE[0])]) is None
    others = of(retracted("w", "e", source=CIVIL))
    assert said(Right(STEWARD, frozenset({CIVIL}), scope=HERE), others) == "target_unknown"


def test_every_place_that_an_event_changes_lies_within_the_right_s() -> None:
    here, there, nowhere = Place(HERE[0], HERE[0]), Place(THERE[0], THERE[0]), Place(None, None)
    unnamed = Place("group:g-1", THERE[0])
    limited, event = Right(scope=HERE), of(ENROLLED)
    assert said(limited, event, None, [here]) is None
    assert said(limited, event, None, []) is None
    assert said(limited, event, None, [here, there]) == "region_of_another_office"
    assert said(limited, event, None, [here, nowhere]) == "organization_of_another_office"
    assert said(limited, event, None, [unnamed, here]) == "organization_of_another_office"
    assert said(limited, event, None, [Place(f"{HERE[0]}001", f"{HERE[0]}001")]) is None
    assert said(Right(), event, None, [there, nowhere]) is None
    # What the event names itself is told before what it only leads to.
    assert said(limited, event, None, [unnamed, there]) == "region_of_another_office"


def test_a_registry_speaks_of_what_its_own_sources_alone_have_registered() -> None:
    renamed = of(RENAMED)
    assert said(REGISTRY, renamed, by=[MARKET]) is None
    for by in ([], [CIVIL], [MARKET, CIVIL]):
        assert said(REGISTRY, renamed, by=by) == "organization_of_another_registry", by
    named = Right(sources=frozenset({MARKET}), types=frozenset({renamed.type}))
    assert said(named, renamed, by=[CIVIL]) is None
    assert said(Right(STEWARD, frozenset({MARKET})), renamed, by=[CIVIL]) is None
    assert said(REGISTRY, of(ENROLLED), by=[CIVIL]) is None
    data = {"effective_on": "2024-01-01", "org": "group:g-1", "kind": "new_employment_group", "category": "courier",
            "name": "名", "region": "990101"}  # fmt: skip
    first = of(envelope("r", "organization.registered", data, MARKET))
    assert first.type == REGISTERED
    assert said(REGISTRY, first) is None
    assert said(REGISTRY, first, by=[MARKET]) is None
    assert said(REGISTRY, first, by=[CIVIL]) == "organization_of_another_registry"


def test_a_correction_speaks_of_an_organization_by_what_it_puts_in_place() -> None:
    word = of(corrected("w", "e", dict(RENAMED["data"]), source=MARKET))
    assert said(REGISTRY, word, "taizhang.organization.changed.v1", by=[MARKET]) is None
    assert said(REGISTRY, word, "taizhang.organization.changed.v1", by=[CIVIL]) == "organization_of_another_registry"
    assert said(REGISTRY, word, by=[CIVIL]) == "organization_of_another_registry"
    assert said(REGISTRY, word, "taizhang.member.enrolled.v1", by=[CIVIL]) is None


def test_a_word_comes_from_its_target_s_own_source_or_from_a_steward() -> None:
    word = of(retracted("w", "e", source=CIVIL))
    type_ = "taizhang.member.enrolled.v1"
    assert said(Right(), word, type_) == "not_the_targets_source"
    assert said(Right(STEWARD), word, type_) is None
    assert said(REGISTRY, word, type_) == "source_of_another_publisher"
    assert said(Right(types=frozenset({"taizhang.visit.made.v2"})), word, type_) == "type_not_granted"
    assert said(Right(STEWARD, types=frozenset({word.type})), word, type_) == "type_not_granted"
    assert said(Right(STEWARD, types=frozenset({word.type, type_})), word, type_) is None


def test_of_several_reasons_that_of_the_right_which_lacks_least_is_told() -> None:
    there = Changed(frozenset({Place(THERE[0], THERE[0])}))
    judged = Judged(of(ENROLLED), None, lambda: there, lambda _: frozenset())
    far, near = Right(sources=frozenset({CIVIL})), Right(scope=HERE)
    for rights in ((far, near), (near, far)):
        reason = judge("one", rights, judged)
        assert reason is not None
        assert reason.rule == "region_of_another_office"
    assert judge("one", (far, near, Right()), judged) is None
    none = judge("one", (), judged)
    assert none is not None
    assert none.rule == "no_grant_in_force"


@pytest.mark.parametrize(("days", "is_let_in"), [(None, True), (1, True), (0, True), (-1, False)])
def test_a_key_of_the_file_counts_to_the_end_of_its_last_day(
    tmp_path: Path, days: int | None, *, is_let_in: bool
) -> None:
    until = None if days is None else today() + timedelta(days)
    key = add_key(tmp_path / "keys.json", "one", frozenset({"operator"}), None, HERE, until)
    keyring = Keyring(tmp_path / "keys.json")
    found = keyring.holder(key)
    assert (found is not None) == is_let_in
    assert found is None or found.scope == HERE
    assert keyring.holder("tz_nobody") is None
    assert Keyring(tmp_path / "none.json").holder(key) is None
