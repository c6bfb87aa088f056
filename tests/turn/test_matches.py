"""Of two records one decision stands at most, decided on a state that still holds."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.fix_service import Service
from tests.fix_turn import Trials, Two
from tests.sending import envelope

pytestmark = pytest.mark.long

AS_OF = "2025-06-30"


@pytest.fixture(scope="module", autouse=True)
def asked_before(two: Two) -> None:
    """Names are compared by tables that a process reads when it is first asked."""
    for service in two[:2]:
        state(service)


def decide(service: Service, pair: tuple[str, str], answer: str, source: str, known_at: int) -> httpx.Response:
    body = {
        "org": pair[0], "other": pair[1], "answer": answer, "reason": "核实", "as_of": AS_OF, "source": source,
        "known_at": str(known_at),
    }  # fmt: skip
    return service.http.post("/v1/matches", json=body)


def decisions(service: Service, pair: tuple[str, str], position: int) -> list[dict[str, Any]]:
    told = service.get("/v1/matches", as_of=AS_OF, min_position=position)
    return [each for each in told["decisions"] if {each["org"], each["other"]} == set(pair)]


def some_pair() -> tuple[str, str]:
    return f"group:{secrets.token_hex(6)}", f"group:{secrets.token_hex(6)}"


def state(service: Service) -> int:
    return int(service.get("/v1/matches", as_of=AS_OF)["known_at"]["position"])


def test_of_contrary_decisions_at_once_one_stands_and_the_other_is_refused(two: Two, trials: Trials) -> None:
    """By offices of two sources, in two processes, one of whom names the pair the other way round."""
    for _ in trials:
        pair = some_pair()
        known_at = state(two.here)
        two.reach(known_at)
        with ThreadPoolExecutor(2) as pool:
            with two.delays.before_the_gate(waiting=2):
                left = pool.submit(decide, two.here, pair, "same", "/office/a", known_at)
                right = pool.submit(decide, two.there, (pair[1], pair[0]), "different", "/office/b", known_at)
            accepted, refused = sorted((left.result(), right.result()), key=lambda each: each.status_code)
        assert (accepted.status_code, refused.status_code) == (201, 409), refused.text
        assert "Nothing was stored" in refused.json()["detail"]
        (stands,) = decisions(two.here, pair, accepted.json()["position"])
        assert stands["same"] == (accepted is left.result())
        assert stands["match"] == accepted.json()["match"]


def test_a_decision_on_a_state_that_is_not_the_last_is_refused(two: Two, trials: Trials) -> None:
    """The projector has not come to the other decision, so that alone the log knows of it."""
    for _ in trials:
        pair = some_pair()
        known_at = state(two.here)
        two.reach(known_at)
        with two.delays.projector_stopped():
            first = decide(two.here, pair, "same", "/office/a", known_at)
            assert first.status_code == 201, first.text
            assert decide(two.there, pair, "different", "/office/a", known_at).status_code == 409
        position = first.json()["position"]
        (stands,) = decisions(two.there, pair, position)
        assert stands["same"]
        assert decide(two.there, pair, "undo", "/office/a", known_at).status_code == 404
        assert decide(two.there, pair, "different", "/office/b", position).status_code == 409
        assert decide(two.there, pair, "undo", "/office/b", position).status_code == 201


def test_of_contrary_decisions_that_came_as_events_one_stands(two: Two, trials: Trials) -> None:
    """Registries publish under names of their own; the pair is one all the same."""
    for _ in trials:
        org, other = some_pair()
        both = [
            envelope(secrets.token_hex(8), "match.decided",
                     {"effective_on": AS_OF, "match": f"match:{secrets.token_hex(8)}", "org": a, "other": b,
                      "same": same, "reason": "核实"}, source)
            for a, b, same, source in ((org, other, True, "/office/a"), (other, org, False, "/office/b"))
        ]  # fmt: skip
        with ThreadPoolExecutor(2) as pool:
            with two.delays.before_the_gate(waiting=2):
                told = [pool.submit(at.publish, [event]) for at, event in zip(two[:2], both, strict=True)]
            positions = [each.result()[0]["position"] for each in told]
        assert len(decisions(two.here, (org, other), max(positions))) == 1
