"""A city whose service stands behind a network and dies, and all that a survey's visits say of it afterwards."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any, Final

from tests.fix_service import Service
from tests.pages.gateway import Gateway
from tests.pages.phones import SURVEY

DAY: Final = {"as_of": "2026-02-28"}


class City:
    """A service behind a network, which is started again when it was killed."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder, self._database = folder, database
        self.service = self._started()
        self.gateway = Gateway(self.service.port, self._kill)

    def _started(self) -> Service:
        return Service(self._folder, "--dev", database_url=self._database).__enter__()

    def _kill(self) -> None:
        self.service.process.kill()

    def again(self) -> None:
        """Wait for the service to be struck, and start it anew."""
        assert self.gateway.struck.wait(120)
        self.service.kill()
        self.service.http.close()
        self.gateway.struck.clear()
        self.service = self._started()
        self.gateway.target = self.service.port

    def end(self) -> None:
        self.gateway.close()
        self.service.__exit__()


def visits_of(service: Service) -> list[dict[str, Any]]:
    """The events of visits, as they were received."""
    found, cursor = [], None
    while True:
        page = service.get("/v1/audit", type="taizhang.visit.made.v1", limit=1_000, cursor=cursor, **DAY)
        found += [each["position"] for each in page["events"]]
        cursor = page["next"]
        if cursor is None:
            return [json.loads(b64decode(service.get(f"/v1/events/{at}")["raw_base64"])) for at in found]


def told(service: Service, head: int) -> dict[str, Any]:
    """The ledger, the survey's progress, accuracy, discrepancies and list, without what only says where they stand."""
    paths: dict[str, dict[str, str]] = {f"/v1/surveys/{SURVEY}/{name}": {} for name in ("progress", "accuracy", "list")}
    paths |= {
        f"/v1/surveys/{SURVEY}/discrepancies": {},
        "/v1/organizations": {},
        "/v1/rates": {"group_by": "region:12"},
    }
    return {path: plain(service.get(path, min_position=head, **DAY, **more)) for path, more in paths.items()}


def plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        apart = {"known_at", "evidence", "position", "next"}
        return {name: plain(each) for name, each in value.items() if name not in apart}
    if isinstance(value, list):
        # Visits have names of their devices' making: what is listed by them is compared as a set.
        return sorted(map(plain, value), key=lambda each: json.dumps(each, sort_keys=True))
    return value
