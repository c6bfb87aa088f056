"""Who signs the log, as call, page and file: the log itself, and a witness that never answers."""

import time
from collections.abc import Iterator

import pytest

from tests.fix_service import Service, new_database
from tests.sending import removed
from tests.witnessing import WITNESS

SILENT = "office.example/w1"


@pytest.fixture(scope="module")
def service(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    given = {"witnesses": f"{WITNESS} http://127.0.0.1:1", "checkpoint_seconds": "1"}
    with Service(tmp_path_factory.mktemp("state"), "--dev", database_url=new_database(postgres), **given) as running:
        running.publish(removed("e1"))
        deadline = time.monotonic() + 60
        while running.get("/v1/log/state")["signatories"][0]["size"] != 1 and time.monotonic() < deadline:
            time.sleep(0.1)
        yield running


def test_the_log_signs_and_the_witness_that_never_answered_is_silent(service: Service) -> None:
    found = service.get("/v1/log/state")
    log, witness = found["signatories"]
    assert (log["own"], log["state"], log["size"], log["behind"]) == (True, "signs", 1, 0)
    assert (log["signatory"], log["log_key"]) == (found["origin"], service.http.get("/v1/log/key").text.strip())
    assert (witness["signatory"], witness["state"], witness["size"], witness["own"]) == (SILENT, "silent", None, False)
    assert "ConnectError" in witness["fault"]
    assert [(each["epoch"], each["until"]) for each in found["keys"]] == [(1, None)]
    assert not service.get("/health/ready")["parts"]["witnesses"]["ready"]


@pytest.mark.parametrize(("lang", "words"), [("zh", ("逾时未签", "有未签署的")), ("en", ("silent", "Somebody"))])
def test_the_page_says_so(service: Service, lang: str, words: tuple[str, ...]) -> None:
    shown = service.http.get("/inspection/evidence", params={"lang": lang}).text
    assert [each for each in (*words, SILENT, "ConnectError") if each not in shown] == []


def test_the_file_has_a_row_for_each(service: Service) -> None:
    answer = service.http.get("/v1/log/state", params={"format": "xlsx"})
    assert answer.headers["content-type"].endswith("sheet")
    assert len(answer.content) > 1_000
