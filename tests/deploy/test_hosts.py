"""Two hosts on one database behind one nginx, as deploy/hosts.md has them: one projector, one key, limits for both."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from random import Random

import httpx
import psycopg
import pytest

from services.evidence.notes.checkpoint import open_checkpoint
from services.evidence.notes.signing import CHECKPOINT_AGE_MAX_S, signer_for
from services.ledger.takeover import LOCK, TAKEN_OVER_S_MAX
from services.system.settings import load
from tests.aftermath import assert_nothing_lost
from tests.fix_service import Service, free_port
from tests.sending import as_bytes
from tests.small_city import events
from tests.versions import wait_until

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(300)]

NGINX = Path(__file__).parents[2] / "deploy" / "nginx" / "taizhang.conf"
RATE, BURST, ASKED = 5, 40, 300
ASKING = 8
_PROJECTING = """
SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objid = %s
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
def hosts(database: str, tmp_path: Path) -> Iterator[tuple[Service, Service]]:
    """Both have the folder of the keys, as on a shared file system; their logs are their own."""
    shared = str(tmp_path / "shared")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with (
        Service(tmp_path / "a", "--dev", database_url=database, data=shared) as one,
        Service(tmp_path / "b", "--dev", database_url=database, data=shared) as other,
    ):
        yield one, other


def projecting(database: str) -> int:
    """The number of the process that has the projector's turn."""
    with psycopg.connect(database) as connection:
        ((name,),) = connection.execute(_PROJECTING, (LOCK >> 32, LOCK & 0xFFFFFFFF)).fetchall()
    return int(name.rpartition("-")[2])


def test_one_of_two_hosts_projects_and_the_other_follows_when_it_is_gone(
    hosts: tuple[Service, Service], database: str, tmp_path: Path, rng: Random
) -> None:
    sent, (one, other) = list(islice(events(), 150)), hosts
    published = one.publish(sent[:50])[-1]["position"]
    told = [each.get("/v1/rates", min_position=published, group_by="kind") for each in hosts]
    assert told[0]["groups"] == told[1]["groups"]
    assert told[0]["evidence"] == told[1]["evidence"]

    published = other.publish(sent[50:100])[-1]["position"]
    key = signer_for(tmp_path / "shared" / "keys" / "log.key", load().log_origin).verifier
    time.sleep(CHECKPOINT_AGE_MAX_S)  # a head may be so old
    heads = [open_checkpoint(each.http.get("/v1/log/checkpoint").content, key)[0] for each in (one, other, one)]
    sizes = [each.size for each in heads]
    assert published <= sizes[0] <= sizes[1] <= sizes[2]
    assert len({each.root_hash for each in heads}) == len(set(sizes))

    holder = projecting(database)
    first = next(each for each in hosts if each.process.pid == parent_of(holder))
    left = other if first is one else one
    first.kill()
    published = left.publish(sent[100:])[-1]["position"]
    began = time.monotonic()
    while left.http.get("/v1/rates", params={"min_position": published}).status_code != 200:
        assert time.monotonic() - began < TAKEN_OVER_S_MAX
    assert parent_of(projecting(database)) == left.process.pid
    time.sleep(CHECKPOINT_AGE_MAX_S)
    assert open_checkpoint(left.http.get("/v1/log/checkpoint").content, key)[0].size >= published
    assert_nothing_lost(database, rng, map(as_bytes, sent), service=left)


def parent_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


@contextmanager
def nginx(folder: Path, ports: list[int]) -> Iterator[tuple[str, str]]:
    """Nginx as in deploy/, in front of these ports, with smaller limits; its address, and that without TLS."""
    text = NGINX.read_text()
    listens, plain = str(free_port()), str(free_port())
    for old, new in (
        ("rate=100r/s", f"rate={RATE}r/s"),
        ("burst=400", f"burst={BURST}"),
        ("    server 127.0.0.1:8000;\n", "".join(f"    server 127.0.0.1:{each};\n" for each in ports)),
        ("/etc/taizhang/tls", str(folder)),
    ):
        assert old in text
        text = text.replace(old, new)
    text = re.sub(r"^    listen \[::\].*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"listen 443 ssl", f"listen 127.0.0.1:{listens} ssl", text)
    text = re.sub(r"listen 80;", f"listen 127.0.0.1:{plain};", text)
    (folder / "taizhang.conf").write_text(text)
    kept = "".join(
        f"{each}_temp_path {folder}/{each}; " for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {kept} include {folder}/taizhang.conf; }}"
    )
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=ledger.example",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "fullchain.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert program is not None, "nginx is not installed: make setup-deploy"
    running = subprocess.Popen([program, "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    try:
        yield f"https://127.0.0.1:{listens}", f"http://127.0.0.1:{plain}"
    finally:
        running.terminate()
        running.wait(30)


def test_one_nginx_in_front_of_two_hosts_holds_to_https_and_limits_a_caller_over_both(
    hosts: tuple[Service, Service], tmp_path: Path
) -> None:
    folder = tmp_path / "nginx"
    folder.mkdir(mode=0o755)
    with nginx(folder, [each.port for each in hosts]) as (address, plain):
        client = httpx.Client(base_url=address, verify=False, trust_env=False, timeout=30)  # noqa: S501 - the test's own
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                client.get("/health/live")
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                break
        assert client.get("/health/live").headers.get_list("strict-transport-security") == ["max-age=63072000"]
        in_the_open = [httpx.get(f"{plain}{path}", trust_env=False) for path in ("/v1/rates", "/ledger")]
        assert [each.status_code for each in in_the_open] == [403, 301]
        assert in_the_open[1].headers["location"] == "https://127.0.0.1/ledger"
        before = settled(hosts)
        began = time.monotonic()
        with ThreadPoolExecutor(ASKING) as pool:
            codes = list(pool.map(lambda _: client.get("/health/live").status_code, range(ASKED)))
        elapsed_s = time.monotonic() - began
        client.close()
    assert set(codes) == {200, 429}
    assert codes.count(200) <= BURST + 1 + RATE * (elapsed_s + 1)
    # A request is counted once its answer has left.
    wait_until(lambda: sum(shares(hosts, before)) >= codes.count(200), "every answer is counted")
    assert sum(shares(hosts, before)) == codes.count(200)
    assert min(shares(hosts, before)) > 0


def settled(hosts: tuple[Service, Service]) -> list[int]:
    """How many came to each, once all that were sent are counted: the client's own, and nobody else asks."""
    found = list[int]()

    def stands() -> bool:
        nonlocal found
        before, found = found, [answered(each) for each in hosts]
        return before == found

    wait_until(stands, "nothing is counted any more")
    return found


def shares(hosts: tuple[Service, Service], before: list[int]) -> list[int]:
    return [answered(each) - earlier for each, earlier in zip(hosts, before, strict=True)]


def answered(service: Service) -> int:
    """How many such requests came to a host."""
    found = re.findall(
        r'taizhang_http_requests_total\{.*route="/health/live".*\} (\S+)', service.http.get("/metrics").text
    )
    return int(sum(map(float, found)))
