"""The contract over HTTP is the one in the files."""

from pathlib import Path

from tests.fix_service import Service

FOLDER = Path(__file__).parents[2] / "deploy" / "contract"


def test_the_service_serves_the_documents_of_the_files(service: Service) -> None:
    for path in [FOLDER / "asyncapi.json", *sorted((FOLDER / "schemas").glob("*.json"))]:
        answer = service.http.get(f"/v1/contract/{path.relative_to(FOLDER)}")
        assert (answer.status_code, answer.text) == (200, path.read_text("utf-8"))
    assert service.http.get("/v1/contract/schemas/none.json").status_code == 404
