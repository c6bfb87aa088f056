"""The law of the writer's turn: whatever the interleaving, the outcome is that of some serial order of the same acts.

Each act has an intake of its own, as in a process of its own. A seed decides who goes on when: each pauses where it has
looked at the state that it decides on, before the gate, and after its commit before it is answered; the projector
applies a few events at a time, whenever it is its turn. Then the same acts run one after the other on an empty ledger,
in the order in which they were decided. Every acknowledgement must be the same there, and all that is recorded.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from domain.access.rights import Right
from domain.fieldwork.list_elsewhere import Elsewhere
from domain.ledger.rates import ANY
from domain.values.reasons import Reason
from services.access import grants
from services.access.grants import Grants, key_registered, revoked
from services.assessment import assessments
from services.assessment.assessments import Wanted
from services.evidence.notes.signing import signers
from services.fieldwork import match_decisions
from services.fieldwork.match_decisions import Said, all_decisions
from services.intake.in_turn import ActRefusedError, CameSinceError, Grounds, Matters, act_on
from services.intake.intake import Intake
from services.intake.quarantine import Filters, Quarantine
from services.intake.quarantine_groups import redrive_group, try_group
from services.ledger import versions
from services.ledger.projector import Projector
from services.ledger.queries import Queries
from services.lists import elsewhere, facts
from services.lists.reconcile import Compared, reconcile
from services.lists.scratch import Scratch
from services.lists.turns import publish_plan
from services.log.messages import Message, Publisher
from services.postgres.database import connect, migrate, open_pool
from services.system.errors import AlreadyEndedError, NotFoundError
from tests.access.attacks import COUNTY_STEWARD, HERE, OFFICE, OTHER, THERE, fact, registered, word
from tests.conftest import SEED
from tests.fix_store import Databases
from tests.fix_turn import Trials
from tests.full_lists import Stock, as_csv, stock
from tests.interleaving import Actor, interleave, paused_at_the_gate
from tests.sending import STEWARD, envelope, granted, http, removed

pytestmark = pytest.mark.long

AS_OF = date(2024, 12, 31)
ADMINISTRATOR = Publisher("administrator", (Right(frozenset(("steward", "administrator"))),))
GROUP = Filters("open", rule="channel")
HELD = Reason("channel", "", None, "the channel was set up wrongly")
LISTED, SIGNED, LISTS = "/registry/listed", "/registry/signed", ("first list", "second list")
KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
REFUSALS = (AlreadyEndedError, NotFoundError, CameSinceError, ActRefusedError)
Answer = tuple[Any, ...]


class World:
    """One ledger: its store, its questions, and a projector that applies only what it is told to."""

    def __init__(self, conninfo: str, folder: Path, stack: ExitStack) -> None:
        self.conninfo = conninfo
        self.connection = stack.enter_context(connect(conninfo, "law"))
        self.connection.autocommit = True
        self.projector = Projector(self.connection, versions.ensure(self.connection))
        self.queries = stack.enter_context(Queries.open(conninfo))
        self.grants = Grants(stack.enter_context(open_pool(conninfo, "grants", size_max=1)))
        self.signer = signers(folder / "log.key", None)[0]

    @contextmanager
    def intake(self) -> Iterator[Intake]:
        """An intake of its own; closed at once, since its connections count against the server's for all tests."""
        with closing(Intake.open(self.conninfo, "law")) as opened:
            yield opened

    def project(self, events: int) -> None:
        """Apply the next events, and wait until answers hold them."""
        self.projector.advance(events)
        while self.queries.position < self.projector.version.position:
            time.sleep(0.002)

    def catch_up(self) -> None:
        self.project(10_000)


@dataclass
class Act:
    """What somebody does: `look` gives the state that it is done on, `do` does it and gives the acknowledgement.

    Attributes:
        looks_anew: whether the look itself says something, and is repeated in the serial order.
    """

    name: str
    do: Callable[[World, Intake, Any, Callable[[], None]], Answer]
    look: Callable[[World, Intake], Any] = lambda world, _: world.queries.position
    looks_anew: bool = False
    state: Any = None
    answer: Answer = ()


def publishing(name: str, *events: dict[str, Any] | bytes, by: Publisher = ADMINISTRATOR) -> Act:
    def do(_: World, intake: Intake, __: Any, ___: Callable[[], None]) -> Answer:  # noqa: ANN401 - no state
        receipts = intake.admit([http(event, by, index) for index, event in enumerate(events)])
        return tuple((r.disposition, r.position, [reason.rule for reason in r.reasons]) for r in receipts)

    return Act(name, do)


def a_match(name: str, answer: match_decisions.Answer, source: str) -> Act:
    def do(world: World, intake: Intake, known_at: int, _: Callable[[], None]) -> Answer:
        said = Said("group:a", "group:b", answer, AS_OF, "核实", source)
        draft = match_decisions.Draft(world.queries.pinned(), said, known_at)
        return _accepted(act_on(intake, draft.grounds, [http(draft.event, ADMINISTRATOR)], draft.check))

    return Act(name, do)


def sealing(name: str) -> Act:
    def do(world: World, intake: Intake, known_at: int, pause: Callable[[], None]) -> Answer:
        while world.queries.position < known_at:
            pause()
        checkpoint = world.signer.checkpoint(world.connection, known_at).decode()
        wanted = Wanted(
            f"assessment:{name}", "考核", "office:a", "campaign:c", AS_OF, known_at, ("kind",), ANY,
            None if name == "former" else "assessment:former", None if name == "former" else "更正",
        )  # fmt: skip
        draft = assessments.Draft(world.queries.pinned(), intake.recorder, wanted, checkpoint)
        return _accepted(act_on(intake, draft.grounds, [http(draft.event, ADMINISTRATOR)], draft.check))

    return Act(name, do, lambda _, intake: intake.recorder.head()[0])


def revoking(name: str) -> Act:
    def do(world: World, intake: Intake, _: Any, __: Callable[[], None]) -> Answer:  # noqa: ANN401 - no state
        head, access = intake.recorder.head()[0], "access:county"
        if not world.grants.is_in_force(access):
            raise NotFoundError(access)
        grounds = Grounds(head, Matters(subjects=frozenset({access})))
        return _accepted(act_on(intake, grounds, [http(revoked(access, AS_OF, "left"), ADMINISTRATOR)]))

    return Act(name, do)


def listing(name: str, rows: Stock) -> Act:
    """A full list, compared with the log as it was when its registry looked, and its plan published."""

    def do(world: World, intake: Intake, known_at: int, _: Callable[[], None]) -> Answer:
        view = world.queries.view.current

        def ask(orgs: Sequence[str]) -> Elsewhere:
            return elsewhere.read(elsewhere.gathered(world.connection, view, LISTED, orgs, known_at), LISTED)

        def messages(events: Sequence[bytes], begin: int) -> list[Message]:
            return [http(event, ADMINISTRATOR, begin + n) for n, event in enumerate(events)]

        with TemporaryDirectory() as folder, Scratch(Path(folder)) as scratch:
            path = Path(folder) / "list.csv"
            path.write_bytes(as_csv(rows))
            beside = Compared(facts.lines(world.connection, view, LISTED, known_at), ask)
            report = reconcile(path, LISTED, AS_OF, None, beside, scratch)
            assert report.plan is not None, report.refusals
            done = publish_plan(intake, report.plan, LISTED, scratch.events(), messages)
        return (report.plan.name, done.counts, done.stated, done.position)

    return Act(name, do, lambda _, intake: intake.recorder.head()[0])


def redriving(name: str) -> Act:
    def look(_: World, intake: Intake) -> str | None:
        return try_group(intake.recorder, GROUP, name).trial

    def do(_: World, intake: Intake, trial: str, __: Callable[[], None]) -> Answer:
        done = redrive_group(Quarantine(intake.writer), intake.recorder, GROUP, replace(STEWARD, name=name), trial)
        return (done.accepted, done.duplicate, done.still_refused)

    return Act(name, do, look, looks_anew=True)


def _accepted(receipts: list[Any]) -> Answer:
    assert all(receipt.disposition == "accepted" for receipt in receipts)
    return tuple(receipt.position for receipt in receipts)


def acts() -> list[Act]:
    return [
        publishing("one", removed("n1"), removed("n2")),
        publishing("same", removed("n1")),
        publishing("another", removed("n1", on="2024-05-02")),
        publishing("held", removed("held-1", on="2024-05-03")),
        publishing("key", _of_access(key_registered, {"access": "access:key", "source": SIGNED, "key": KEY})),
        publishing("unsigned", removed("u1", SIGNED), removed("u2", SIGNED)),
        publishing("of the listed", removed("l1", LISTED)),
        a_match("alike", "same", "/office/a"), a_match("unlike", "different", "/office/b"),
        sealing("left"), sealing("right"), revoking("once"), revoking("twice"),
        redriving("steward"), redriving("colleague"),
        listing(LISTS[0], stock(2)), listing(LISTS[1], stock(3)[1:]),
        publishing("here registers", registered("group:one", HERE), by=OFFICE),
        publishing("there registers", registered("group:one", THERE, id_="there"), by=OTHER),
        publishing("here excludes", fact("x", "organization.excluded", org="group:one", reason="duplicate"), by=OFFICE),
        publishing("here takes back", word("w", "there"), by=COUNTY_STEWARD),
        publishing("of the county", registered("group:county", HERE), by=held("county")),
        publishing("grant", granted("late", "access:late").raw),
        publishing("of the late", registered("group:late", HERE), by=held("late")),
    ]  # fmt: skip


def held(name: str) -> Publisher:  # by a grant of this name, while it is in force
    return Publisher(name, (Right(access=f"access:{name}"),))


def _of_access(make: Callable[[dict[str, object]], bytes], data: dict[str, object]) -> Any:  # noqa: ANN401 - an event
    return make({"effective_on": AS_OF.isoformat(), **data})


def begin(world: World) -> None:
    """What all know before: a campaign, a report, a grant, and messages set aside."""
    about = {"effective_on": "2024-10-08", "campaign": "campaign:c"}
    county: dict[str, object] = {"access": "access:county", "holder": "county", "roles": ["publisher"]}
    with world.intake() as intake:
        intake.admit([
            http(envelope("opened", "campaign.opened", {**about, "name": "攻坚", "office": "office:a"}), ADMINISTRATOR),
            http(_of_access(grants.granted, county), ADMINISTRATOR),
            *(replace(http(removed(f"held-{n}"), ADMINISTRATOR), refused=(HELD,)) for n in range(3)),
        ])  # fmt: skip
        world.catch_up()
        former = sealing("former")
        former.do(world, intake, former.look(world, intake), world.catch_up)
        world.catch_up()


def at_once(world: World, done: list[Act], rng: Random) -> list[tuple[str, Act]]:
    """Run acts interleaved; the looks and the decisions in the order in which they were made."""
    order: list[tuple[str, Act]] = []

    def run(act: Act, actor: Actor) -> None:
        with world.intake() as intake:
            act.state = act.look(world, intake)
            order.append(("look", act))
            actor.pause()
            decided = ("do", act)
            with paused_at_the_gate(intake, actor.pause, lambda: order.append(decided)):
                act.answer = answered(act, world, intake, act.state, actor.pause)
            if decided not in order:
                order.append(decided)

    def project(actor: Actor) -> None:
        while any(not each.ended for each in actors[:-1]):
            world.project(rng.randint(1, 2))
            actor.pause()

    actors = [Actor(act.name, lambda actor, act=act: run(act, actor)) for act in done]  # type: ignore[misc]
    actors.append(Actor("projector", project))
    interleave(actors, rng)
    return order


def answered(act: Act, world: World, intake: Intake, state: Any, pause: Callable[[], None]) -> Answer:  # noqa: ANN401 - what it looked at
    try:
        return act.do(world, intake, state, pause)
    except REFUSALS:
        return ("refused",)


def one_after_the_other(world: World, order: list[tuple[str, Act]]) -> dict[str, Answer]:
    """The same acts in that order, each over before the next; what each is answered."""
    told: dict[str, Answer] = {}
    states: dict[str, Any] = {act.name: act.state for _, act in order}
    for what, act in order:
        world.catch_up()
        with world.intake() as intake:
            if what == "do":
                told[act.name] = answered(act, world, intake, states[act.name], world.catch_up)
            elif act.looks_anew:
                states[act.name] = act.look(world, intake)
    return told


def recorded(world: World) -> dict[str, Any]:
    """All that the acts have left: the log, the counts, quarantine's ends, and what stands after them."""
    world.catch_up()
    position = world.queries.position

    def rows(statement: str) -> list[Any]:
        return world.connection.execute(statement.encode()).fetchall()

    made = all_decisions(world.queries, date.max, position)
    reports = assessments.assessments(world.queries, position)
    given = {grant.access: grant.revoked_on for grant in world.grants.all()}
    return {
        # An administrator's event has a random id.
        "log": rows("SELECT notification_id, source, CASE topic WHEN 'taizhang.access.revoked.v1' THEN '' ELSE id END, "
                    "topic FROM taizhang.log WHERE topic NOT LIKE '%granted%' AND topic NOT LIKE '%key%' ORDER BY 1"),
        "tally": rows("SELECT source, received, accepted, duplicate, quarantined FROM taizhang.tally ORDER BY 1"),
        "ends": rows("SELECT quarantine_id, by, action, position FROM taizhang.quarantine_action ORDER BY 1, number"),
        "decisions": [(d.org, d.other, d.same) for d in made[0]], "contradictions": (made[1], reports.contradictions),
        "reports": {name: each.superseded for name, each in reports.assessments.items()}, "grants": given,
    }  # fmt: skip


def _migrated(conninfo: str) -> None:
    migrate(conninfo)


@contextmanager
def a_world(databases: Databases, folder: Path, name: str) -> Iterator[World]:
    with databases.like("law", _migrated) as conninfo, ExitStack() as stack:
        (folder / name).mkdir()
        world = World(conninfo, folder / name, stack)
        begin(world)
        yield world


def test_what_is_done_at_once_is_as_if_done_one_after_the_other(
    databases: Databases, tmp_path: Path, trials: Trials, request: pytest.FixtureRequest
) -> None:
    first_seed = request.config.stash[SEED]
    for trial in trials:
        seed = first_seed + trial
        rng = Random(seed)
        done = acts()
        rng.shuffle(done)
        with a_world(databases, tmp_path, f"at-once-{trial}") as world:
            order = at_once(world, done, rng)
            outcome = recorded(world)
        with a_world(databases, tmp_path, f"serial-{trial}") as world:
            told = one_after_the_other(world, order)
            serial = recorded(world)
        steps = [f"{what} {act.name}" for what, act in order]
        assert {act.name: act.answer for act in done} == told, (seed, steps)
        assert outcome == serial, (seed, steps)
        answers = {act.name: act.answer for act in done}
        for pair in (("alike", "unlike"), ("left", "right"), ("once", "twice")):
            assert sum(answers[name] == ("refused",) for name in pair) == 1, (seed, steps, answers)
        for name, other in ((LISTS[0], LISTS[1]), (LISTS[1], LISTS[0])):
            came = [each for each in (other, "of the listed") if overtaken(steps, name, each)]
            assert (answers[name] == ("refused",)) == any(answers[each] != ("refused",) for each in came), (seed, steps)


def overtaken(steps: list[str], act: str, by: str) -> bool:
    """Whether another act was done between what one was decided on and its turn."""
    return steps.index(f"look {act}") < steps.index(f"do {by}") < steps.index(f"do {act}")
