"""`make demo-province`: three small cities and their province on one machine, each a service with a log and a key.

Two cities report as they are; the third then has a report of its own making published, whose total its own tree
contradicts. What the province says of each stands in its log, and `taizhang verify` is run over that at the end.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import httpx
import orjson

from deploy.kafka.demo import ANSWER_S_MAX, TAIZHANG, free_port, ready, running, wait_for

AS_OF, DUE_ON = "2024-12-31", "2025-01-10"
CAMPAIGN, OFFICE = "campaign:2024-coverage", "office:organization-department"
SEALED = {"source": "/taizhang/assessment", "type": "taizhang.assessment.sealed.v1"}
LIAR = "xishan"
CITIES = {"dongshan": "东山市", "nanshan": "南山市", LIAR: "西山市"}
#: What `taizhang publish` ends with where something is quarantined, `province take` where a report does not hold.
QUARANTINED, WRONG = 3, 1


class Place(NamedTuple):
    """One service: where it is, and the environment in which a shell speaks to it."""

    name: str
    folder: Path
    address: str
    environment: Mapping[str, str]

    def shell(self, *arguments: str, code: int = 0) -> None:
        """`taizhang` with these arguments, which ends with this code."""
        print(f"\n[{self.name}] taizhang {' '.join(arguments)}", flush=True)
        found = subprocess.run([*TAIZHANG, *arguments], check=False, env=self.environment)
        if found.returncode != code:
            sys.exit(f"taizhang {arguments[0]} ended with {found.returncode}, not with {code}; the logs: {self.folder}")

    def fetch(self, path: str, **parameters: str) -> httpx.Response:
        """What a call answers."""
        return httpx.get(f"{self.address}{path}", params=parameters, timeout=ANSWER_S_MAX)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="0.02", help="of each city")
    parser.add_argument("--port", type=int, default=8000, help="of the province; 0 for any")
    parser.add_argument("--data", type=Path, default=Path(".data/province-demo"), help="folder of ledgers and logs")
    parser.add_argument("--once", action="store_true", help="end when the figures are shown")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if given.data.exists():
        sys.exit(f"{given.data} is there: a demo begins with empty logs; take it away, or give another --data")
    with contextlib.ExitStack() as stack:
        province = serve(stack, given.data, "province", given.port or free_port())
        cities = [serve(stack, given.data, name, free_port()) for name in CITIES]
        for number, city in enumerate(cities, 1):
            fill(city, given.scale, number)
            join(province, city)
        province.shell("province", "ask", "report:2024-end", "--as-of", AS_OF, "--due-on", DUE_ON, "--title", "年末")
        for city in cities:
            file = report(city, "assessment:2024-end")
            province.shell("province", "take", f"city:{city.name}", str(file))
        lie(province, cities[-1])
        province.shell("province", "rates", "--as-of", AS_OF)
        province.shell("verify", province.address)
        for place in (province, *cities):
            print(f"{place.name} {place.address}")
        print(f"{province.address}/v1/province/rates?as_of={AS_OF}", flush=True)
        if not given.once:
            print("\nCtrl-C 结束 ends it", flush=True)
            signal.pause()


def serve(stack: contextlib.ExitStack, data: Path, name: str, port: int) -> Place:
    """Start one service on an empty log of its own."""
    folder = data / name
    folder.mkdir(parents=True)
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "TAIZHANG_LOG_ORIGIN": f"demo.example/{name}", "TAIZHANG_URL": address}
    command = (*TAIZHANG, "serve", "--dev", "--port", str(port), "--data", str(folder))
    stack.enter_context(running(folder / "serve.log", *command, environment=environment))
    place = Place(name, folder, address, environment)
    wait_for(f"{name} is ready", lambda: ready(address))
    return place


def fill(city: Place, scale: str, seed: int) -> None:
    """Publish a demo city, dirt and all, and seal its report."""
    events = city.folder / "city.jsonl"
    city.shell("demo-city", "--scale", scale, "--seed", str(seed), "--output", str(events))
    city.shell("publish", str(events), code=QUARANTINED)
    position = city.fetch("/health/ready").json()["position"]
    city.fetch("/v1/rates", min_position=str(position)).raise_for_status()
    city.shell("assess", "assessment:2024-end", "--campaign", CAMPAIGN, "--title", "年末", "--office", OFFICE,
               "--as-of", AS_OF, "--group-by", "kind", "--group-by", "region:6")  # fmt: skip


def join(province: Place, city: Place) -> None:
    """Have the city join, with the key of its log."""
    key = city.folder / "log.key.pub"
    key.write_text(city.fetch("/v1/log/key").raise_for_status().text)
    province.shell("province", "join", f"city:{city.name}", "--key", str(key), "--name", CITIES[city.name],
                   "--region", "99", "--on", "2024-01-01")  # fmt: skip


def report(city: Place, assessment: str, *options: str) -> Path:
    """The city's file, once the trees under it are folded."""
    wait_for(
        "the trees of the report are folded",
        lambda: city.fetch("/v1/province/report", assessment=assessment).is_success,
    )
    file = city.folder / f"{assessment.partition(':')[2]}.json"
    city.shell("province", "report", assessment, *options, "--output", str(file))
    return file


def lie(province: Place, city: Place) -> None:
    """A report that says every organization covered, under the service's own name, published and brought."""
    honest = city.fetch("/v1/assessments/assessment:2024-end").json()["sealed"]
    total = honest["total"] | {"organization_covered": honest["total"]["organizations"]}
    data = honest | {"effective_on": AS_OF, "assessment": "assessment:edited", "total": total,
                     "supersedes": "assessment:2024-end", "reason": "更正"}  # fmt: skip
    event = {"specversion": "1.0", "id": "edited", "time": "2025-01-09T09:00:00+08:00", "data": data, **SEALED}
    file = city.folder / "edited.jsonl"
    file.write_bytes(orjson.dumps(event))
    city.shell("publish", str(file))
    known = province.fetch("/v1/province/cities").json()["cities"]
    size = next(each["head"]["size"] for each in known if each["city"] == f"city:{city.name}")
    edited = report(city, "assessment:edited", "--old-size", str(size))
    province.shell("province", "take", f"city:{city.name}", str(edited), code=WRONG)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
