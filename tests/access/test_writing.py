"""Who may say what: each attack on the writing side, with the projector stopped, half way and at the head."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.access.rights import Right
from domain.values.scope import scope_of
from services.intake.intake import Intake
from services.intake.quarantine import Filters, Quarantine
from services.intake.quarantine_groups import redrive_group, try_group
from services.log.messages import Message, Publisher, Receipt
from tests.access.attacks import (
    ATTACKS,
    CITY,
    COUNTY_STEWARD,
    ELSEWHERE,
    HERE,
    OFFICE,
    ORG,
    OTHER,
    OWN,
    POLICY,
    SOURCE,
    THERE,
    fact,
    formed,
    registered,
    word,
)  # fmt: skip
from tests.sending import REGISTRY, STEWARD, envelope, granted, http, limited, revoked
from tests.versions import project


@pytest.fixture(params=["nothing projected", "half", "all"])
def city(request: pytest.FixtureRequest, store: str, intake: Intake) -> Intake:
    """Both counties, told by a publisher without limits; the projector has come so far and is stopped."""
    half = len(CITY) // 2
    told = [intake.admit([http(each) for each in CITY[:half]])]
    if request.param == "half":
        project(store)
    told.append(intake.admit([http(each) for each in CITY[half:]]))
    if request.param == "all":
        project(store)
    assert {receipt.disposition for receipts in told for receipt in receipts} == {"accepted"}
    return intake


def tried(intake: Intake, sender: Publisher, *events: dict[str, Any]) -> list[str]:
    """By event `accepted`, or the rule that refused it."""
    receipts = intake.admit([http(event, sender, index) for index, event in enumerate(events)])
    return [_told(receipt) for receipt in receipts]


def _told(receipt: Receipt) -> str:
    return receipt.reasons[0].rule if receipt.reasons else receipt.disposition


def test_nobody_changes_what_lies_outside_a_grant(city: Intake) -> None:
    for sender in (OFFICE, COUNTY_STEWARD):
        events = [{**event, "id": f"{sender.name} {what}"} for what, (event, _) in ATTACKS.items()]
        together = tried(city, sender, *events)
        assert dict(zip(ATTACKS, together, strict=True)) == {what: rule for what, (_, rule) in ATTACKS.items()}
    # Whoever has the right may say each of them.
    whole = {
        what: _told(city.admit([http({**event, "id": f"w {what}"}, STEWARD)])[0])
        for what, (event, _) in ATTACKS.items()
    }
    assert set(whole.values()) == {"accepted"}, whole


def test_a_grant_limited_to_a_place_lets_say_all_that_lies_in_it(city: Intake) -> None:
    assert tried(city, OFFICE, *OWN) == ["accepted"] * len(OWN)
    assert tried(city, OTHER, *({**each, "id": f"{each['id']} t"} for each in OWN)).count("accepted") == 0


def test_what_is_refused_tells_nothing_of_where_things_are(city: Intake) -> None:
    events = [{**event, "id": f"{what}"} for what, (event, _) in ATTACKS.items()]
    told = city.admit([http(event, OFFICE) for event in events])
    for event, receipt in zip(events, told, strict=True):
        own = str(event)
        for reason in receipt.reasons:
            text = f"{reason.value} {reason.message}"
            assert THERE not in text.replace(str(reason.value), "") or THERE in own
            assert reason.value is None or str(reason.value) in own
    # One that stands elsewhere and one that nobody knows are refused in the same words.
    words = [
        _words(city, fact("k", "organization.excluded", org=org, reason="duplicate"))
        for org in (ORG[THERE][1], "group:no")
    ]
    assert words[0] == words[1]


def _words(intake: Intake, event: dict[str, Any], sender: Publisher = OFFICE) -> tuple[str, str]:
    reason = intake.admit([http(event, sender)])[0].reasons[0]
    return reason.rule, reason.message


def _about(event: dict[str, Any], org: str) -> dict[str, Any]:
    return {**event, "id": f"about {org}", "data": {**event["data"], "org": org}}


def test_of_two_offices_that_register_one_identifier_at_once_the_first_gets_it(city: Intake) -> None:
    early = {**registered("group:one", HERE, id_="a"), "time": "2024-01-02T00:00:00Z"}
    late = {**registered("group:one", THERE, id_="b"), "time": "2024-01-03T00:00:00Z"}
    receipts = city.admit([http(late, OTHER), http(early, OFFICE)])
    assert list(map(_told, receipts)) == ["accepted", ELSEWHERE]


def test_an_exclusion_is_judged_by_what_was_registered_a_moment_before(city: Intake) -> None:
    for n in range(20):
        org = f"group:moment-{n}"
        exclude = fact(f"e{n}", "organization.excluded", org=org, reason="duplicate")
        receipts = city.admit([http(registered(org, THERE), OTHER), http(exclude, OFFICE)])
        assert list(map(_told, receipts)) == ["accepted", ELSEWHERE]
        assert tried(city, OFFICE, {**exclude, "id": f"f{n}"}) == [ELSEWHERE]


def test_a_word_about_what_is_not_there_yet_comes_from_its_own_source_or_from_a_grant_for_all(city: Intake) -> None:
    ahead = word("ahead", "tomorrow")
    assert tried(city, OFFICE, ahead) == tried(city, COUNTY_STEWARD, ahead) == ["target_unknown"]
    assert tried(city, limited("own", HERE, sources={SOURCE}), ahead) == ["accepted"]
    assert tried(city, limited("own", HERE, sources={"/x"}), word("b", "tomorrow", source="/x")) == [
        "not_the_targets_source"
    ]
    assert tried(city, REGISTRY, word("for all", "tomorrow")) == ["accepted"]


def ahead_of(id_: str, target: str, replacing: dict[str, Any]) -> dict[str, Any]:
    """A correction, by its own source, of an event that is not there yet."""
    return word(id_, target, replacing["data"])


def test_what_takes_the_place_of_an_event_that_is_not_there_yet_is_judged_by_what_it_says(city: Intake) -> None:
    own = limited("own", HERE, sources={SOURCE})
    there, here = ORG[THERE][0], ORG[HERE][1]
    outside = {
        "its organization": fact("", "organization.excluded", org=there, reason="duplicate"),
        "its member": fact("", "member.removed", member=f"member:{THERE}"),
        "its branch": fact("", "branch.dissolved", branch="branch:there"),
        "its measure": fact("", "measure.extended", org=there, measure="combine", due_on="2024-12-31", reason="x"),
        "a rule for all": fact("", "policy.adopted", **POLICY),
    }
    told = {what: tried(city, own, ahead_of(what, f"later {what}", each))[0] for what, each in outside.items()}
    assert told == dict.fromkeys(outside, ELSEWHERE) | {"a rule for all": "type_not_granted"}
    inside = fact("", "member.enrolled", member="member:later", standing="full", org=here)
    assert tried(city, own, ahead_of("inside", "later", inside)) == ["accepted"]
    # Nor by an earlier word of one's own, which stands in its place for the time being.
    again = ahead_of("inside again", "later", outside["its organization"])
    assert tried(city, own, {**again, "time": "2030-01-01T00:00:00Z"}) == [ELSEWHERE]
    # One that another, without limits, sends of that name later says what it says itself.
    (sent,) = city.admit([http({**outside["its organization"], "id": "later its organization"})])
    assert sent.disposition == "accepted"


def test_a_correction_ahead_says_no_type_that_its_grant_does_not_name(city: Intake) -> None:
    types = frozenset({"taizhang.event.corrected.v1", "taizhang.member.removed.v1"})
    narrow = Publisher("narrow", (Right(sources=frozenset({SOURCE}), types=types),))
    policy = ahead_of("ahead p", "later", fact("", "policy.adopted", **POLICY))
    member = ahead_of("ahead m", "later", fact("", "member.removed", member="member:none"))
    access = ahead_of("ahead a", "later", fact("", "access.revoked", access="access:t", reason="x"))
    assert tried(city, narrow, policy, member, access) == ["type_not_granted", "accepted", "administrator_only"]
    assert tried(city, limited("registry", sources={SOURCE}), {**policy, "id": "ahead q"}) == ["type_not_granted"]
    assert tried(city, STEWARD, {**access, "id": "ahead b"}, {**policy, "id": "ahead r"}) == [
        "administrator_only",
        "accepted",
    ]


def test_one_grant_alone_allows_the_whole_act(city: Intake) -> None:
    one = Right(sources=frozenset({"/one"}), scope=(HERE,), types=None)
    two = Right(sources=frozenset({"/two"}), scope=(THERE,), types=None)
    both = Publisher("both", (one, two))
    for source, place, expected in (
        ("/one", HERE, "accepted"), ("/two", THERE, "accepted"),
        ("/one", THERE, "region_of_another_office"), ("/two", HERE, "region_of_another_office"),
        ("/three", HERE, "source_of_another_publisher"),
    ):  # fmt: skip
        event = {**registered(f"group:{source[1:]}-{place}", place), "source": source}
        assert tried(city, both, event) == [expected], (source, place)


def test_a_registry_adopts_no_policy_and_says_nothing_of_another_registrys_organization(city: Intake) -> None:
    market = limited("market", sources={"/market"})
    foreign, policy = ORG[HERE][0], fact("a", "policy.adopted", source="/market", **POLICY)
    ends = fact("b", "organization.deregistered", source="/market", org=foreign, reason="revoked")
    renames = fact("c", "organization.changed", source="/market", org=foreign, name="别")
    captures = {**registered(foreign, HERE, id_="d"), "source": "/market", "time": "2023-01-01T00:00:00Z"}
    excludes = fact("k", "organization.excluded", source="/market", org=foreign, reason="duplicate")
    readmits = fact("l", "organization.readmitted", source="/market", org=foreign)
    of_another = "organization_of_another_registry"
    assert tried(city, market, policy, ends, renames, excludes, readmits) == ["type_not_granted", *[of_another] * 4]
    # Nor by registering it first, and earlier; nor ahead of the other's registration.
    assert tried(city, market, captures, {**ends, "id": "b2"}) == [of_another, of_another]
    assert _words(city, {**ends, "id": "b3"}, market) == _words(city, _about(ends, "group:nobodys"), market)
    own = {**registered("group:market", HERE), "source": "/market"}
    own_end = fact("e", "organization.deregistered", source="/market", org="group:market", reason="revoked")
    turned, ahead = (envelope(id_, "event.corrected", {
        "corrects": {"source": "/market", "id": target}, "replacement": ends["data"], "reason": "x",
    }, "/market") for id_, target in (("f", "e"), ("j", "tomorrow")))  # fmt: skip
    renamed = fact("n", "organization.changed", source="/market", org="group:market", name="新")
    assert tried(city, market, {**renamed, "id": "n0"}, own, renamed, own_end, turned, ahead) == [
        of_another, "accepted", "accepted", "accepted", of_another, of_another
    ]  # fmt: skip
    # A member of its own sources, wherever; it says nothing of the organization as such.
    enrolled = fact("o", "member.enrolled", source="/market", member="member:o", standing="full", org=foreign)
    assert tried(city, market, enrolled) == ["accepted"]
    named = Publisher(
        "named", (Right(sources=frozenset({"/market"}), types=frozenset({policy["type"], ends["type"]})),)
    )
    assert tried(city, named, {**policy, "id": "g"}, {**ends, "id": "h"}, {**renames, "id": "i"}) == [
        "accepted", "accepted", "type_not_granted"
    ]  # fmt: skip


@pytest.mark.race
def test_grants_are_in_force_from_the_position_that_states_them_on_within_one_batch(intake: Intake) -> None:
    held = Publisher("county", (Right(access="access:t"),))
    event: Callable[[str], Message] = lambda id_: http(registered(f"group:{id_}", HERE), held)  # noqa: E731 - short
    wide, narrow = granted("county"), granted("county", "access:t", regions=[THERE])
    narrow = http({**envelope("n", "access.granted", {}, "/taizhang/access"), "data": _data(narrow)}, narrow.publisher)
    receipts = intake.admit([event("a"), wide, event("b"), narrow, event("c"), revoked(), event("d")])
    assert list(map(_told, receipts)) == [
        "no_grant_in_force", "accepted", "accepted", "accepted", "region_of_another_office", "accepted",
        "no_grant_in_force",
    ]  # fmt: skip
    assert _told(intake.admit([event("e")])[0]) == "no_grant_in_force"


def _data(message: Message) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(message.raw)["data"]
    return data


def test_only_an_administrator_without_limits_of_place_gives_access(intake: Intake) -> None:
    wide = granted("me")
    for right, rule in (
        (Right(frozenset({"publisher", "steward"})), "administrator_only"),
        (Right(frozenset({"publisher", "administrator"}), scope=(HERE,)), "whole_city_only"),
        (Right(frozenset({"administrator"}), types=frozenset({"taizhang.policy.adopted.v1"})), "administrator_only"),
    ):
        sender = Publisher("me", (right,))
        assert _told(intake.admit([Message(wide.raw, wide.intake, sender)])[0]) == rule
    assert _told(intake.admit([wide])[0]) == "accepted"


@pytest.mark.race
def test_a_redrive_judges_by_the_publishers_grants_and_not_by_the_stewards(city: Intake) -> None:
    quarantine = Quarantine(city.writer)
    exclude = fact("x", "organization.excluded", org=ORG[THERE][0], reason="duplicate")
    assert tried(city, OFFICE, exclude) == [ELSEWHERE]
    assert tried(city, limited("market", sources={"/m"}), {**exclude, "id": "y"}) == ["source_of_another_publisher"]
    for number, rule in ((1, ELSEWHERE), (2, "source_of_another_publisher")):
        assert _told(quarantine.redrive(number, STEWARD)) == rule
    assert redrive_group(quarantine, city.recorder, Filters(), STEWARD).accepted == 0
    assert try_group(city.recorder, Filters(), "steward").accepted == 0
    city.admit([granted("here", "access:more", regions=[THERE])])
    assert try_group(city.recorder, Filters(), "steward").accepted == 1
    assert _told(quarantine.redrive(1, STEWARD)) == "accepted"


@pytest.mark.race
def test_of_a_message_whose_regions_were_not_kept_what_was_refused_for_its_place_stays_so(
    city: Intake, rows: Callable[..., Any]
) -> None:
    quarantine = Quarantine(city.writer)
    exclude = fact("x", "organization.excluded", org=ORG[THERE][0], reason="duplicate")
    tried(city, OFFICE, exclude)
    tried(city, limited("market", sources={"/m"}), {**exclude, "id": "y"})
    rows("ALTER TABLE taizhang.quarantine DISABLE TRIGGER USER")
    rows("UPDATE taizhang.quarantine SET publisher_rights = NULL, publisher_is_steward = false")
    assert _told(quarantine.redrive(1, STEWARD)) == "no_grant_in_force"
    assert _told(quarantine.redrive(2, STEWARD)) == "accepted"


def _body(name: str, on: str = "2023-01-01", /, **parent: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
    type_ = "body.created" if on == "2023-01-01" else "body.changed"
    said = {"kind": "park", "name": "园", **parent} if type_ == "body.created" else parent
    return fact(f"{name} {on}", type_, on, body=name, **said)


def _placed(org: str, body: str | None, on: str) -> dict[str, Any]:
    return fact(f"{org} under {body}", "organization.placed", on, org=org, body=body)


def test_a_grant_by_body_lets_say_what_answers_to_it_before_and_after(city: Intake) -> None:
    mine, others, late = ORG[HERE][0], ORG[HERE][1], ORG[THERE][1]
    told = [
        _body("body:area"), _body("body:park", parent="body:area"), _body("body:other"),
        _placed(mine, "body:park", "2024-01-01"), _placed(others, "body:other", "2024-01-01"),
        _placed(late, "body:park", "2024-03-01"),
    ]  # fmt: skip
    assert tried(city, REGISTRY, *told) == ["accepted"] * len(told)
    area = Publisher("area", (Right(scope=scope_of(None, ["body:area"])),))
    both = Publisher("both", (Right(scope=scope_of([HERE], ["body:area"])),))

    def excluded(sender: Publisher, org: str, on: str) -> str:
        id_ = f"{sender.name} {org} {on}"
        return tried(city, sender, fact(id_, "organization.excluded", on, org=org, reason="duplicate"))[0]

    assert [excluded(area, org, "2024-02-01") for org in (mine, others, late, ORG[HERE][2])] == [
        "accepted", ELSEWHERE, ELSEWHERE, ELSEWHERE,
    ]  # fmt: skip
    assert excluded(area, late, "2024-03-01") == "accepted", "in whatever county it stands"
    assert [excluded(both, org, "2024-03-02") for org in (mine, late)] == ["accepted", ELSEWHERE]
    # What would answer to it afterwards alone, or would no longer, is not its own to say.
    assert tried(city, area, _placed(others, "body:park", "2024-02-02"), _placed(mine, "body:other", "2024-02-02")) == [
        ELSEWHERE, ELSEWHERE
    ]  # fmt: skip
    # Nor has a body of another kind more to answer for by a word of its neighbour's.
    unit = {**_body("body:unit"), "id": "unit"}
    unit["data"]["kind"] = "supervising_unit"
    assert tried(city, REGISTRY, unit) == ["accepted"]
    moves = (_placed(mine, "body:unit", "2024-02-03"), _placed(mine, "body:to-come", "2024-02-03"))
    assert tried(city, area, *moves) == [ELSEWHERE, ELSEWHERE]
    assert tried(city, area, _placed(late, "body:area", "2024-03-05")) == ["accepted"]
    pulled = fact("pull", "member.transferred", member=f"member:{THERE}", from_org=ORG[THERE][0], to_org=mine)
    assert tried(city, area, pulled, formed("branch:none", HERE, [])) == [ELSEWHERE, "region_of_another_office"]
    # A park that leaves the area takes its organizations with it, from that day on, and from that position.
    leaves = _body("body:park", "2024-05-01", parent=None)

    def extended(on: str) -> dict[str, Any]:
        return fact(f"e {on}", "measure.extended", on, org=mine, measure="combine", due_on="2024-12-31", reason="x")

    def enrolled(name: str) -> dict[str, Any]:
        return fact(name, "member.enrolled", "2024-06-01", member=f"member:{name}", standing="full", org=mine)

    senders = (area, REGISTRY, area, area, area)
    events = (enrolled("before"), leaves, enrolled("after"), extended("2024-06-01"), extended("2024-04-01"))
    receipts = city.admit([http(each, sender) for each, sender in zip(events, senders, strict=True)])
    assert list(map(_told, receipts)) == ["accepted", "accepted", ELSEWHERE, ELSEWHERE, "accepted"]
