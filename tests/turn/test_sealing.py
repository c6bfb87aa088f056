"""A report is one act and one event, or one refusal; sealed over everything that was durable before it."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.fix_service import Service
from tests.fix_turn import Trials, Two
from tests.sending import envelope, removed

pytestmark = pytest.mark.long

AS_OF = "2024-12-31"
CAMPAIGN = "campaign:turn"


@pytest.fixture(scope="module", autouse=True)
def campaign(two: Two) -> None:
    about = {"effective_on": "2024-10-08", "campaign": CAMPAIGN}
    target = {"comparator": "at_least", "due_on": AS_OF, "office": "office:city", "target": "all"}
    two.here.publish([
        envelope("opened", "campaign.opened", {**about, "name": "攻坚", "office": "office:city"}, "/office/turn"),
        envelope("set", "campaign.target_set", {**about, **target, "rate": "work_coverage", "value": "0.5"},
                 "/office/turn"),
    ])  # fmt: skip


def seal(service: Service, name: str, query: str = "", **more: Any) -> httpx.Response:  # noqa: ANN401 - any JSON
    body = {
        "assessment": f"assessment:{name}", "title": "年末考核", "office": "office:a", "campaign": CAMPAIGN,
        "as_of": AS_OF, "group_by": ["kind"], **more,
    }  # fmt: skip
    return service.http.post(f"/v1/assessments{query}", json=body)


def seal_once_ready(service: Service, name: str, query: str = "", **more: Any) -> httpx.Response:  # noqa: ANN401
    """The service waits two seconds for its projector; a busy machine needs longer, and nothing is sealed then."""
    while (answer := seal(service, name, query, **more)).status_code == 503:
        pass
    return answer


def listed(service: Service, position: int) -> tuple[dict[str, Any], list[Any]]:
    told = service.get("/v1/assessments", min_position=position)
    return {each["assessment"]: each for each in told["assessments"]}, told["contradictions"]


def test_of_two_reports_that_supersede_one_at_once_one_is_sealed_and_one_refused(two: Two, trials: Trials) -> None:
    """Both are worked out before either one's turn comes; the refused one has left nothing behind."""
    for _ in trials:
        former, *names = (f"{word}-{secrets.token_hex(4)}" for word in ("former", "left", "right"))
        begun = seal_once_ready(two.here, former)
        assert begun.status_code == 201, begun.text
        two.reach(begun.json()["position"])
        more = {"supersedes": f"assessment:{former}", "reason": "口径更正"}
        with ThreadPoolExecutor(2) as pool:
            with two.delays.before_the_gate(waiting=2):
                answers = [
                    pool.submit(seal_once_ready, at, name, **more) for at, name in zip(two[:2], names, strict=True)
                ]
            sealed, refused = sorted((each.result() for each in answers), key=lambda each: each.status_code)
        assert (sealed.status_code, refused.status_code) == (201, 409), refused.text
        known, contradictions = listed(two.here, sealed.json()["position"])
        assert contradictions == []
        (winner,) = {f"assessment:{name}" for name in names} & known.keys()
        assert known[f"assessment:{former}"]["superseded"] == {
            "by": winner, "reason": "口径更正", "position": sealed.json()["position"],
        }  # fmt: skip
        assert winner in refused.json()["detail"]
        assert "nothing was stored" in refused.json()["detail"]


def test_a_report_holds_what_was_answered_before_and_its_tree_holds_what_it_is_known_at(
    two: Two, trials: Trials
) -> None:
    """Sealed by another process than the one that answered, which has signed a smaller tree a moment before."""
    for _ in trials:
        two.there.http.get("/v1/log/checkpoint")
        (event,) = two.here.publish([removed(secrets.token_hex(8), "/registry/turn")])
        name = secrets.token_hex(4)
        answer = seal_once_ready(two.there, name, f"?min_position={event['position']}")
        assert answer.status_code == 201, answer.text
        sealed = two.there.get(f"/v1/assessments/assessment:{name}", min_position=answer.json()["position"])["sealed"]
        assert sealed["known_at"] >= event["position"]
        assert int(sealed["checkpoint"].split("\n")[1]) >= sealed["known_at"]


def test_what_is_sealed_is_answered_as_sealed_though_the_projector_stands_still(two: Two, trials: Trials) -> None:
    for _ in trials:
        # The roots of the report before are stated by a process of their own; where they come in between, see below.
        while not _sealed_while_the_projector_stands_still(two):
            pass


def _sealed_while_the_projector_stands_still(two: Two) -> bool:
    head = two.here.publish([removed(secrets.token_hex(8), "/registry/turn")])[0]["position"]
    two.here.get("/v1/rates", min_position=head)
    name = secrets.token_hex(4)
    with two.delays.projector_stopped():
        answer = seal(two.here, name)
        if answer.status_code == 503:
            return False
        assert answer.status_code == 201, answer.text
        again = seal(two.here, name, known_at=str(head))
        assert again.status_code == 409
        assert f"position {answer.json()['position']}" in again.json()["detail"]
    assert f"assessment:{name}" in listed(two.here, answer.json()["position"])[0]
    return True


def test_what_cannot_be_worked_out_yet_is_not_sealed_and_may_be_asked_again(two: Two, trials: Trials) -> None:
    """The projector has not come to what was answered as durable: 503, and truly nothing is sealed."""
    for _ in trials:
        name = secrets.token_hex(4)
        with two.delays.projector_stopped():
            two.here.publish([removed(secrets.token_hex(8), "/registry/turn")])
            assert seal(two.here, name).status_code == 503
        assert seal_once_ready(two.here, name).status_code == 201
