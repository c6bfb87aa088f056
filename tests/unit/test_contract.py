"""The contract's files say what the domain's models say; a model that changes without them fails here."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from domain.events.envelope import read_event
from services.contract.documents import as_text, documents
from tests.examples import EXAMPLES, NUMBERED

FOLDER = Path(__file__).parents[2] / "deploy" / "contract"


def test_the_files_are_what_the_models_give() -> None:
    """After a change of the models: make contract."""
    kept = {str(path.relative_to(FOLDER)): path.read_text("utf-8") for path in FOLDER.rglob("*.json")}
    assert kept == {name: as_text(document) for name, document in documents().items()}


def references(value: Any) -> list[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for child in value.values() for each in references(child)]
    if isinstance(value, list):
        return [each for child in value for each in references(child)]
    return []


def test_every_reference_leads_somewhere() -> None:
    for name, document in documents().items():
        for reference in references(document):
            file, _, pointer = reference.partition("#")
            target: Any = documents()[file or name]
            for part in pointer.split("/")[1:]:
                target = target[part]


@pytest.mark.parametrize("name", [name for name in documents() if name.startswith("schemas/")])
def test_each_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(documents()[name])


def test_the_schemas_take_every_event_that_intake_takes() -> None:
    deliveries = [each for example in EXAMPLES for each in example["deliveries"]]
    taken = [each for each in deliveries if read_event(json.dumps(each).encode()).event is not None]
    assert len(taken) > 50
    for each in taken:
        jsonschema.validate(each, documents()[f"schemas/{each['type']}.json"])


@pytest.mark.parametrize(
    "change",
    [{"specversion": "0.3"}, {"id": ""}, {"data": {}}, {"Extension": "x"}, {"data": {"org": "x"}}, {"time": 5}],
)
def test_the_schemas_refuse_what_breaks_the_form(change: dict[str, Any]) -> None:
    good = next(each for each in NUMBERED["01"]["deliveries"] if each["type"] == "taizhang.organization.registered.v1")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(good | change, documents()[f"schemas/{good['type']}.json"])
