"""A report sealed into the demo city's log as the office knew it once, so that more has become known since."""

from typing import Final

from tests.fix_service import Service

CAMPAIGN: Final = "campaign:2024-coverage"
REPORT: Final = "assessment:first-look"
AS_OF: Final = "2024-12-31"


def seal(service: Service) -> None:
    """Seal the report by kind and county, as it was known on the campaign's day."""
    target = service.get(f"/v1/campaigns/{CAMPAIGN}", as_of=AS_OF)["targets"][0]
    known_at = target["as_known_then"]["known_at"]["position"]
    body = {
        "assessment": REPORT, "title": "2024 年末初步考核", "office": "office:assessment", "campaign": CAMPAIGN,
        "as_of": AS_OF, "known_at": str(known_at), "group_by": ["kind", "region:6"],
    }  # fmt: skip
    answer = service.http.post("/v1/assessments", json=body)
    assert answer.status_code == 201, answer.text
