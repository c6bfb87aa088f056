"""A province and a city, each a service with a log and a key of its own: files from one, taken by the other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.events.assessment import SEALED
from services.assessment.assessments import SOURCE
from services.province.report_file import BYTES_MAX
from tests.fix_service import Service, new_database, shell
from tests.sending import envelope
from tests.small_city import events
from tests.versions import wait_until

pytestmark = pytest.mark.long

DAY = "2024-03-01"
CITY = "city:dongshan"


class City:
    """A running city; it seals reports of a day as they are, or as it likes."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service, self.folder = service, folder

    def seal(self, name: str, **more: Any) -> None:  # noqa: ANN401 - of the body
        body = {"assessment": name, "title": "年末", "office": "office:a", "campaign": "campaign:c", "as_of": DAY,
                "group_by": ["kind", "region:4"]}  # fmt: skip
        answer = self.service.http.post("/v1/assessments", json=body | more)
        assert answer.status_code == 201, answer.text

    def file(self, name: str, *old_size: int) -> bytes:
        def fetch() -> Any:  # noqa: ANN401 - a response
            return self.service.http.get("/v1/province/report", params={"assessment": name, "old_size": list(old_size)})

        wait_until(lambda: fetch().status_code == 200, "the trees of the report are not folded")
        return fetch().content  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def city(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    with Service(folder, "--dev", database_url=new_database(postgres), log_origin="log.example/dongshan") as service:
        said = [next(made) for made in [events()] for _ in range(60)]
        opened = {"effective_on": "2024-01-01", "campaign": "campaign:c", "name": "攻坚", "office": "office:a"}
        service.publish([*said, envelope("c", "campaign.opened", opened, "/office")])
        made = City(service, folder)
        made.seal("assessment:a")
        yield made


@pytest.fixture(scope="module")
def province(postgres: str, city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("province")
    key = folder / "dongshan.key.pub"
    key.write_text(city.service.http.get("/v1/log/key").text)
    with Service(folder, "--dev", database_url=new_database(postgres)) as service:
        at = {"url": service.url}
        joined = shell("province", "join", CITY, "--key", str(key), "--name", "东山市", "--region", "99",
                       "--on", "2024-01-01", **at)  # fmt: skip
        assert joined.returncode == 0, joined.stderr
        asked = shell("province", "ask", "report:r", "--as-of", DAY, "--due-on", "2024-03-10", "--title", "年末", **at)
        assert asked.returncode == 0, asked.stderr
        # Joined and asked: two events, each of which must be counted before anybody looks.
        service.get("/v1/rates", min_position=2)
        yield service


def rates(province: Service, **more: Any) -> Any:  # noqa: ANN401 - an answer
    return province.get("/v1/province/rates", as_of=DAY, **more)


def test_a_city_s_report_goes_by_file_to_the_province_and_is_added_up(
    city: City, province: Service, tmp_path: Path
) -> None:
    before = rates(province)
    assert (before["complete"], before["cities"][0]["state"], before["cities"][0]["total"]) == (False, "missing", None)
    city.file("assessment:a")
    made = shell("province", "report", "assessment:a", "-o", str(tmp_path / "a.json"), url=city.service.url)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "a.json").stat().st_size < 60_000
    took = shell("province", "take", CITY, str(tmp_path / "a.json"), url=province.url)
    assert took.returncode == 0, took.stdout + took.stderr
    assert "✓ holds" in took.stdout
    rates(province, min_position=province.get("/health/ready")["position"])
    body = {"city": CITY, "file": (tmp_path / "a.json").read_text()}
    position = province.http.post("/v1/province/reports", json=body).json()
    assert position["again"]
    after = rates(province, min_position=position["position"])
    own = city.service.get("/v1/rates", as_of=DAY, group_by="kind")
    assert after["complete"]
    assert after["total"]["counts"] == own["total"]["counts"]
    (row,) = [each for each in after["rows"] if each["kind"] == "new_employment_group"]
    assert row["counts"] == own["groups"][0]["counts"]
    assert (after["cities"][0]["late"], after["cities"][0]["unproved"]) == (True, 0)
    # What it said at the time, it says still.
    then = rates(province, known_at=before["known_at"]["position"])
    assert (then["complete"], then["cities"]) == (before["complete"], [before["cities"][0] | {"late": True}])
    shown = shell("province", "rates", "--as-of", DAY, url=province.url)
    assert shown.returncode == 0, shown.stderr
    assert "东山市" in shown.stdout


def test_verify_covers_what_a_province_says_of_its_cities(province: Service) -> None:
    verified = shell("verify", province.url)
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize(
    ("source", "said"), [("http://[", "does not answer"), ("none.json", "cannot be read"), (".", "cannot be read")]
)
def test_what_is_no_file_and_no_address_is_named_in_words(province: Service, source: str, said: str) -> None:
    refused = shell("province", "take", CITY, source, url=province.url)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(("many", "code"), [(BYTES_MAX, 400), (2 * BYTES_MAX, 413)])
def test_a_file_of_the_largest_size_is_read_however_its_text_is_escaped(
    province: Service, many: int, code: int
) -> None:
    answer = province.http.post("/v1/province/reports", json={"city": CITY, "file": '"' * many})
    assert answer.status_code == code, answer.text
    assert ("have it made again" in answer.text) == (code == 400)


def test_a_later_report_supersedes_by_http_and_a_lie_is_kept_with_its_file(city: City, province: Service) -> None:
    known = province.get("/v1/province/cities", as_of="2024-12-31")["cities"][0]
    assert (known["origin"], known["reports"], known["findings"]) == ("log.example/dongshan", 1, 0)
    city.seal("assessment:b", supersedes="assessment:a", reason="补报")
    size = known["head"]["size"]
    city.file("assessment:b", size)
    address = f"{city.service.url}/v1/province/report?assessment=assessment:b"
    refused = shell("province", "take", CITY, address, url=province.url)
    assert refused.returncode == 1
    assert f"--old-size {size}" in refused.stderr
    took = shell("province", "take", CITY, f"{address}&old_size={size}", "--json", url=province.url)
    assert took.returncode == 0, took.stdout + took.stderr
    found = rates(province, min_position=json.loads(took.stdout)["position"])["cities"][0]
    assert (found["state"], found["reports"], found["superseded"]) == ("counted", ["assessment:b"], ["assessment:a"])
    # The city publishes a report of its own making: intake takes it, its own tree contradicts it.
    sealed = city.service.get("/v1/assessments/assessment:b")["sealed"]
    lie = sealed | {"assessment": "assessment:lie", "supersedes": "assessment:b", "reason": "更正",
                    "total": sealed["total"] | {"organization_covered": sealed["total"]["organizations"]}}  # fmt: skip
    event = envelope("lie", "assessment.sealed", lie, SOURCE) | {"type": SEALED}
    assert city.service.publish([event])[0]["disposition"] == "accepted"
    sizes = [province.get("/v1/province/cities", as_of="2024-12-31")["cities"][0]["head"]["size"]]
    file = city.file("assessment:lie", *sizes)
    answer = province.http.post("/v1/province/reports", json={"city": CITY, "file": file.decode()})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["ground"], told["as_of"]) == ("figures_edited", DAY)
    assert "organization_covered" in told["words"]
    now = rates(province, min_position=told["position"])
    assert (now["complete"], now["cities"][0]["state"], now["cities"][0]["total"]) == (False, "figures_edited", None)
    assert now["total"]["counts"]["organizations"] == 0
    kept = province.get(f"/v1/events/{told['position'] - 1}")["event"]["data"]
    assert kept["file"] == told["file"]


def test_who_may_not_act_for_the_province_cannot(city: City, province: Service) -> None:
    data = {"effective_on": DAY, "file": "0" * 64, "content": "eA=="}
    (refused,) = province.publish([envelope("forged", "file.kept", data, "/taizhang/province")])
    assert refused["disposition"] == "quarantined"
    assert refused["reasons"][0]["rule"] == "service_only"
    for body in ({"city": "city:nowhere", "file": "{}"}, {"city": CITY, "file": "{}"}, {"city": "x", "file": "{}"}):
        answer = province.http.post("/v1/province/reports", json=body)
        assert answer.status_code in (400, 404), answer.text
    assert city.service.http.get("/v1/province/rates", params={"as_of": DAY}).status_code == 404
    assert city.service.http.get("/v1/province/report", params={"assessment": "assessment:x"}).status_code == 404
