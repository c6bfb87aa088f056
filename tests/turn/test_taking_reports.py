"""Of two files of one city that come at once, one is taken; the other was checked without it, and is refused."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.fix_service import Service
from tests.fix_turn import Trials, Two
from tests.provincial import SmallCity
from tests.sending import envelope

pytestmark = pytest.mark.long


def bring(service: Service, city: SmallCity, file: bytes, query: str = "") -> httpx.Response:
    body = {"city": city.name, "file": file.decode()}
    return service.http.post(f"/v1/province/reports{query}", json=body)


def test_of_two_files_of_a_city_at_once_one_is_taken_and_the_other_not_joined_to_it(
    two: Two, trials: Trials, tmp_path: Path
) -> None:
    for _ in trials:
        city = SmallCity(secrets.randbelow(60_000), tmp_path, 6)
        key = str(city.log.key.verifier)
        joined = {"effective_on": "2024-01-01", "city": city.name, "name": "东山市", "region": "99",
                  "origin": city.log.key.name, "key": key}  # fmt: skip
        (result,) = two.here.publish([envelope(f"j{city.n}", "city.joined", joined, "/office/turn")])
        files = [city.file(city.seal(f"assessment:{name}")) for name in ("left", "right")]
        two.reach(result["position"])
        with ThreadPoolExecutor(2) as pool:
            with two.delays.before_the_gate(waiting=2):
                answers = [pool.submit(bring, at, city, file) for at, file in zip(two[:2], files, strict=True)]
            codes = [each.result().status_code for each in answers]
        assert sorted(codes) == [201, 409], [each.result().text for each in answers]
        at = codes.index(201)
        taken = answers[at].result().json()["position"]
        assert "nothing was stored" in answers[1 - at].result().json()["detail"].lower()
        later = f"?min_position={taken}"
        assert bring(two.here, city, files[at], later).json()["again"]
        refused = bring(two.here, city, files[1 - at], later)
        assert refused.status_code == 400
        assert "--old-size" in refused.json()["detail"]
        (listed,) = [
            each for each in two.here.get("/v1/province/cities")["cities"] if each["city"] == city.name
        ]  # fmt: skip
        assert (listed["reports"], listed["findings"]) == (1, 0)
