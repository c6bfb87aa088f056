"""Each signal finds the pattern that was planted, names its events, and is silent about what only looks like it."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from tests.fix_service import BATCH, Service, new_database, shell
from tests.oracle.instants import read_instant

DEADLINE = "2024-12-31"
AS_OF = "2025-03-01"
OFFICE, CARELESS, STEADY = "/office", "/registry/careless", "/registry/steady"


class Story:
    """Events in order of arrival; each gets an id of its own."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def tell(self, name: str, on: str, /, *, said: str | None = None, source: str = OFFICE, **data: Any) -> str:  # noqa: ANN401 - any JSON
        """State a fact, published on the day `said`, the effective day if left out; its id."""
        return self._add(name, said or on, source, {"effective_on": on, **data})

    def correct(self, id_: str, said: str, on: str, /, **data: Any) -> None:  # noqa: ANN401 - any JSON
        """Replace the data of an event of OFFICE."""
        content = {"corrects": {"source": OFFICE, "id": id_}, "replacement": {"effective_on": on, **data}}
        self._add("event.corrected", said, OFFICE, {**content, "reason": "entered wrongly"})

    def retract(self, id_: str, said: str, source: str) -> None:
        """Take an event back."""
        content = {"retracts": {"source": source, "id": id_}, "reason": "entered twice"}
        self._add("event.retracted", said, source, content)

    def _add(self, name: str, said: str, source: str, data: dict[str, Any]) -> str:
        id_ = f"e{len(self.events)}"
        time = f"{said}T09:00:00+08:00"
        type_ = f"taizhang.{name}.v1"
        event = {"specversion": "1.0", "id": id_, "source": source, "type": type_, "time": time, "data": data}
        self.events.append(event)
        return id_

    def group(self, name: str, region: str = "510104") -> str:
        """Register an organization."""
        org = f"group:{name}"
        self.tell("organization.registered", "2024-01-02", org=org, kind="new_employment_group",
                  category="courier", name="站", region=region)  # fmt: skip
        return org

    def branch(self, name: str, on: str, covers: list[str], *, said: str | None = None) -> str:
        """Form a branch; the id of the event."""
        return self.tell("branch.formed", on, said=said, **branch_data(name, covers))

    def dissolved(self, name: str, on: str) -> None:
        """Dissolve a branch."""
        self.tell("branch.dissolved", on, branch=f"branch:{name}")

    def member(self, name: str, org: str, on: str = "2024-01-03") -> None:
        """Enrol a full member."""
        self.tell("member.enrolled", on, member=f"member:{name}", standing="full", org=org)

    def moves(self, name: str, here: str | None, there: str | None, on: str) -> None:
        """Transfer a member."""
        self.tell("member.transferred", on, member=f"member:{name}", from_org=here, to_org=there)


def branch_data(name: str, covers: list[str]) -> dict[str, Any]:
    return {
        "branch": f"branch:{name}", "name": "支部", "tier": "branch", "formation": "joint", "region": "510104",
        "covers": covers,
    }  # fmt: skip


def backdated(story: Story) -> None:
    org = story.group("backdated")
    story.branch("backdated", "2024-12-25", [org], said="2025-02-10")
    story.branch("in-grace", "2024-12-25", [org], said="2025-01-03")
    story.branch("long-before", "2024-11-01", [org], said="2025-02-10")
    story.branch("after", "2025-01-02", [org], said="2025-02-10")
    moved = story.branch("moved-back", "2025-01-20", [org])
    story.correct(moved, "2025-02-20", "2024-12-30", **branch_data("moved-back", [org]))


def short_lived(story: Story) -> None:
    org = story.group("short-lived")
    for name, formed, ended in (
        ("brief", "2024-12-10", "2025-01-20"),
        ("lasting", "2024-12-10", "2025-03-02"),
        ("old", "2024-06-01", "2025-01-20"),
        ("gone-before", "2024-12-10", "2024-12-20"),
    ):
        story.branch(name, formed, [org])
        story.dissolved(name, ended)
    story.branch("emptied", "2024-12-10", [org])
    story.tell("branch.coverage_changed", "2025-02-01", branch="branch:emptied", drop=[org])


def never_met(story: Story) -> None:
    org = story.group("never-met")
    story.member("m30", org)
    for name, formed in (
        ("silent", "2024-08-01"), ("met", "2024-08-01"), ("not-quorate", "2024-08-01"), ("gone", "2024-08-01"),
        ("young", "2024-10-01"), ("formed-early", "2024-06-01"), ("told-late", "2024-08-01"),
    ):  # fmt: skip
        story.branch(name, formed, [org])
    story.tell("branch.formed", "2024-08-01", **branch_data("over-others", []) | {"tier": "committee"})
    story.dissolved("gone", "2025-02-20")
    for name, on, quorate, said in (
        ("met", "2024-11-20", True, None), ("not-quorate", "2024-11-20", False, None),
        ("told-late", "2024-09-20", True, "2025-02-25"),
    ):  # fmt: skip
        story.tell("branch.meeting_held", on, said=said, branch=f"branch:{name}", kind="general", quorate=quorate)
    story.tell(
        "activity_policy.adopted", "2025-02-15", meetings={"general": {"least": 1, "per": "quarter"}}, periods=1,
        term_years={"committee": 5, "general_branch": 3, "branch": 3}, members_for_branch_committee=7,
        vacant_days_max=90,
    )  # fmt: skip


def moved_in_and_out(story: Story) -> None:
    lent, kept, shrunk = story.group("lent"), story.group("kept"), story.group("shrunk")
    home = story.group("home")
    story.member("m0", lent)
    for name in ("m1", "m2"):
        story.member(name, home)
        story.moves(name, home, lent, "2024-12-20")
        story.moves(name, lent, home, "2025-01-25")
    for name in ("m3", "m4", "m5"):
        story.member(name, home)
        story.moves(name, home, kept, "2024-12-20")
    for name in ("m6", "m7", "m8"):
        story.member(name, shrunk)
        story.moves(name, shrunk, None, "2025-01-15")


def without_members(story: Story) -> None:
    empty, manned, lately = story.group("empty"), story.group("manned"), story.group("lately")
    story.member("m10", manned)
    story.member("m11", lately)
    story.moves("m11", lately, None, "2025-01-10")
    story.branch("shell", "2024-01-10", [empty])
    story.branch("with-one", "2024-01-10", [empty, manned])
    story.branch("new", "2025-01-01", [empty])
    story.branch("lately", "2024-01-10", [lately])
    story.branch("narrowed", "2024-01-10", [empty, manned])
    story.tell("branch.coverage_changed", "2025-02-01", branch="branch:narrowed", drop=[manned])


def exclusions(story: Story) -> None:
    for number in range(12):
        org = story.group(f"spiked-{number}", "510106")
        if number < 4:
            story.tell("organization.excluded", "2024-12-20", org=org, reason="not_operating")
    days = ["2024-12-20", "2024-11-20", "2024-10-20", "2024-09-20", "2024-08-20", "2024-07-20", "2024-06-20"]
    for number in range(32):
        org = story.group(f"usual-{number}", "510107")
        if number < 28:
            story.tell("organization.excluded", days[number // 4], org=org, reason="not_operating")


def corrections(story: Story) -> None:
    for window in range(7):
        on = (date.fromisoformat(AS_OF) - timedelta(30 * window + 10)).isoformat()
        for source in (CARELESS, STEADY):
            facts = [
                story.tell("member.enrolled", on, source=source, member=f"member:{source[10:]}-{window}-{n}",
                           standing="activist", org=None)
                for n in range(20)
            ]  # fmt: skip
            if source == STEADY or window == 0:
                for id_ in facts[:12]:
                    story.retract(id_, on, source)


def campaign(story: Story) -> None:
    story.tell("campaign.opened", "2024-10-08", campaign="campaign:c", name="攻坚", office="office:o")
    story.tell("campaign.target_set", "2024-10-08", campaign="campaign:c", target="all", rate="work_coverage",
               comparator="at_least", value="1.0", due_on=DEADLINE, office="office:o")  # fmt: skip


@pytest.fixture(scope="module")
def story() -> Story:
    told = Story()
    for plant in (
        backdated,
        short_lived,
        never_met,
        moved_in_and_out,
        without_members,
        exclusions,
        corrections,
        campaign,
    ):
        plant(told)
    # Brought along as a history, in the order in which it was said.
    told.events.sort(key=lambda event: read_instant(event["time"]))
    return told


@pytest.fixture(scope="module")
def told(postgres: str, story: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("signals"), "--dev", database_url=new_database(postgres)) as running:
        headers = {"content-type": BATCH, "taizhang-import": "story"}
        results = running.http.post("/v1/events", json=story.events, headers=headers).json()["results"]
        assert {result["disposition"] for result in results} == {"accepted"}
        running.get("/v1/rates", min_position=len(story.events))
        yield running


def hits(told: Service, story: Story, signal: str, **more: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - query parameters
    asked = {"as_of": AS_OF, "known_at": len(story.events), "deadline": DEADLINE, **more}
    found = told.get("/v1/signals", signal=signal, limit=1000, **asked)
    for hit in found["hits"]:
        assert hit["signal"] == signal
        assert {str(position) for position in hit["positions"]} <= found["events"].keys()
    return {hit["subject"]: hit for hit in found["hits"]}


def told_at(story: Story, position: int) -> dict[str, Any]:
    return story.events[position - 1]


def test_facts_backdated_to_just_before_the_deadline(told: Service, story: Story) -> None:
    found = hits(told, story, "backdated")
    assert found.keys() == {"branch:backdated", "branch:moved-back"}
    assert found["branch:backdated"]["detail"]["days_after_deadline"] == 41
    types = [told_at(story, p)["type"] for p in found["branch:moved-back"]["positions"]]
    assert types == ["taizhang.branch.formed.v1", "taizhang.event.corrected.v1"]


def test_branches_that_lived_for_the_deadline(told: Service, story: Story) -> None:
    found = hits(told, story, "short_lived_branch")
    assert found.keys() == {"branch:brief", "branch:emptied"}
    assert found["branch:emptied"]["detail"] == {
        "formed_on": "2024-12-10", "ended_on": "2025-02-01", "ended_by": "emptied",
    }  # fmt: skip
    types = [told_at(story, p)["type"] for p in found["branch:brief"]["positions"]]
    assert types == ["taizhang.branch.formed.v1", "taizhang.branch.dissolved.v1"]


def test_branches_formed_for_the_deadline_that_never_met_as_far_as_was_known(told: Service, story: Story) -> None:
    found = hits(told, story, "never_met")
    assert found.keys() == {"branch:silent", "branch:not-quorate"}
    assert found["branch:silent"]["detail"] == {"formed_on": "2024-08-01", "days": 212}
    (formed,) = found["branch:silent"]["positions"]
    assert told_at(story, formed)["data"]["branch"] == "branch:silent"
    late = next(n for n, e in enumerate(story.events, 1) if e["time"].startswith("2025-02-25"))
    assert "branch:told-late" in hits(told, story, "never_met", known_at=late - 1)
    # Before anybody asked for meetings nobody is told to have held none.
    assert hits(told, story, "never_met", as_of="2025-02-14") == {}


def test_members_lent_for_the_deadline(told: Service, story: Story) -> None:
    found = hits(told, story, "moved_in_and_out")
    assert found.keys() == {"group:lent"}
    assert found["group:lent"]["detail"]["members"] == ["member:m1", "member:m2"]
    moves = [told_at(story, p)["data"]["effective_on"] for p in found["group:lent"]["positions"]]
    assert sorted(moves) == ["2024-12-20", "2024-12-20", "2025-01-25", "2025-01-25"]


def test_branches_that_have_covered_nobody_for_long(told: Service, story: Story) -> None:
    found = hits(told, story, "branch_without_members")
    assert "branch:shell" in found
    assert found["branch:shell"]["detail"]["since"] == "2024-01-10"
    assert not found.keys() & {"branch:with-one", "branch:new", "branch:lately", "branch:narrowed"}


def test_exclusions_that_shrink_the_denominator_before_the_deadline(told: Service, story: Story) -> None:
    found = hits(told, story, "exclusion_spike")
    assert found.keys() == {"510106"}
    assert found["510106"]["detail"] == {
        "excluded": 4, "registered": 12, "excluded_before": [0, 0, 0, 0, 0, 0],
    }  # fmt: skip
    excluded = {told_at(story, p)["data"]["org"] for p in found["510106"]["positions"]}
    assert excluded == {f"group:spiked-{n}" for n in range(4)}


def test_a_registry_that_takes_back_far_more_than_it_used_to(told: Service, story: Story) -> None:
    found = hits(told, story, "correction_spike")
    assert found.keys() == {CARELESS}
    assert (found[CARELESS]["detail"]["corrections"], found[CARELESS]["detail"]["facts"]) == (12, 20)
    assert len(found[CARELESS]["positions"]) == 12


def test_deadlines_left_out_are_those_of_the_campaigns_known(told: Service, story: Story) -> None:
    known = next(n for n, each in enumerate(story.events) if each["type"] == "taizhang.campaign.target_set.v1")
    before = told.get("/v1/signals", as_of=AS_OF, known_at=known)
    assert before["deadlines"] == []
    assert told.get("/v1/signals", as_of=AS_OF)["deadlines"] == [DEADLINE]


def test_a_deadline_that_is_not_over_gives_no_signal(told: Service, story: Story) -> None:
    for signal in ("backdated", "short_lived_branch", "never_met", "moved_in_and_out", "exclusion_spike"):
        assert hits(told, story, signal, as_of="2024-12-30") == {}


def test_nothing_is_seen_that_was_not_known(told: Service, story: Story) -> None:
    known = next(n for n, e in enumerate(story.events) if e["data"].get("branch") == "branch:brief") + 1
    assert "branch:brief" not in hits(told, story, "short_lived_branch", known_at=known)
    assert hits(told, story, "backdated", known_at=0) == {}


def test_pages_give_each_hit_once(told: Service, story: Story) -> None:
    asked = {"as_of": AS_OF, "known_at": len(story.events), "deadline": DEADLINE}
    whole = told.get("/v1/signals", **asked)["hits"]
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = told.get("/v1/signals", **asked, limit=2, cursor=cursor)
        seen += page["hits"]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == whole


def test_the_thresholds_are_facts_with_dates_of_their_own(told: Service, story: Story) -> None:
    thresholds = told.get("/v1/signals", as_of=AS_OF, known_at=0)["policy"]
    data = {"effective_on": "2025-02-01", **thresholds, "backdated_grace_days": 60, "exclusions_min": 5}
    adopted = {**story.events[0], "id": "adopted", "type": "taizhang.signals.adopted.v1", "data": data}
    (result,) = told.publish([adopted])
    position = result["position"]
    told.get("/v1/rates", min_position=position)
    found = told.get("/v1/signals", as_of=AS_OF, known_at=position)
    assert found["policy"]["backdated_grace_days"] == 60
    assert found["policy_decided_by"] == [position]
    assert hits(told, story, "backdated", known_at=position) == {}
    assert hits(told, story, "exclusion_spike", known_at=position) == {}
    assert hits(told, story, "exclusion_spike", known_at=position, as_of="2025-01-31").keys() == {"510106"}


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["signals", "--as-of", AS_OF, "--signal", "short_lived_branch"], "branch:brief"),
        (["changes", "--as-of", DEADLINE, "--since", "0", "--group-by", "region:6", "--limit", "3"], OFFICE),
        (["vintage", "--from", "2024-11-30", "--to", DEADLINE, "--known", "100", "--known", "200"], "2024-11-30"),
    ],
)
def test_the_shell_shows_what_the_service_answers(told: Service, command: list[str], shown: str) -> None:
    def run(*more: str) -> str:
        ran = shell(*command, *more, url=told.url)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    assert shown in run()
    assert shown in json.dumps(json.loads(run("--json")))
