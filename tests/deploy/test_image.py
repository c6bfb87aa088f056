"""The image is built, on Debian's packages, and the service in it does its work confined as the manifests confine it.

No engine is needed: buildah builds in a chroot, and the container is one of Linux' own: a root file system that is
read-only, no capability, none to be gained, a user who owns nothing but the data folder.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fix_service import free_port
from tests.sending import removed

pytestmark = [pytest.mark.image, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
USER = "10001"
START_S_MAX = 120.0
MIB = 1 << 20
# An image of Debian with Python is 150 MiB of this; with the tools of development it was more than 1.5 GiB.
SIZE_MAX = 900 * MIB
CONFINED = """
set -eu
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
mount --bind "$2" "$1/var/lib/taizhang"
mount -o remount,bind,ro "$1"
shift 2
root=$1
shift
exec chroot "$root" setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --inh-caps=-all \\
    --bounding-set=-all env -i HOME=/var/lib/taizhang "$@"
"""


class Image:
    """The image's root file system, and what its last stage says of how it is run."""

    def __init__(self, root: Path, variables: list[str]) -> None:
        self.root = root
        self.variables = variables

    def command(self, data: Path, *arguments: str, **settings: str) -> list[str]:
        """`taizhang` with these arguments in a container of its own, which ends with the command."""
        given = [f"TAIZHANG_{name.upper()}={value}" for name, value in settings.items()]
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", CONFINED, "confined", str(self.root),
                str(data), str(self.root), *self.variables, *given, "taizhang", *arguments]  # fmt: skip


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Built as deploy/container/base.sh says, in a storage of the test's own."""
    assert os.geteuid() == 0, "an image is built and confined here as root"
    folder = tmp_path_factory.mktemp("storage")
    storage = ["--storage-driver", "vfs", "--root", str(folder / "store"), "--runroot", str(folder / "run")]

    def buildah(*arguments: str) -> str:
        done = subprocess.run(["buildah", *storage, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
        return done.stdout.strip()

    subprocess.run(["deploy/container/base.sh", *storage], cwd=ROOT, check=True, capture_output=True)
    # Where pip has certificates of its own here, it needs them there.
    trusted = os.environ.get("PIP_CERT")
    certificates = ["--volume", f"{trusted}:/etc/ssl/certs/ca-certificates.crt:ro"] if trusted else []
    buildah("build", "--isolation", "chroot", *certificates, "--build-arg", "PYTHON=localhost/python:3.11",
            "-f", "deploy/container/Containerfile", "-t", "taizhang", ".")  # fmt: skip
    container = buildah("from", "taizhang")
    variables = buildah("inspect", "--format", "{{range .OCIv1.Config.Env}}{{.}}\n{{end}}", container).splitlines()
    try:
        yield Image(Path(buildah("mount", container)), [each for each in variables if each])
    finally:
        buildah("rm", container)
        shutil.rmtree(folder)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The volume: all that the container may write to."""
    folder = tmp_path / "volume"
    folder.mkdir()
    shutil.chown(folder, int(USER), int(USER))
    return folder


def test_the_image_is_small_and_has_neither_compiler_nor_pip(image: Image) -> None:
    used = subprocess.run(["du", "-sx", "--block-size=1", image.root], capture_output=True, text=True, check=True)
    assert int(used.stdout.split()[0]) <= SIZE_MAX
    programs = {each.name for folder in ("usr/bin", "opt/taizhang/bin") for each in (image.root / folder).iterdir()}
    assert "taizhang" in programs
    assert not {"gcc", "cc", "make", "pip", "pip3", "pytest", "mypy"} & programs


def test_the_service_in_it_takes_in_and_answers_with_a_read_only_root_and_no_rights(image: Image, data: Path) -> None:
    port = free_port()
    command = image.command(data, "serve", "--dev", host="127.0.0.1", port=str(port))
    log = data.parent / "log"
    with log.open("wb") as said, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            until_it_answers(http, process, log)
            kind = {"content-type": "application/cloudevents+json"}
            answer = http.post("/v1/events", json=removed("a"), headers=kind)
            assert answer.json()["results"][0]["disposition"] == "accepted", answer.text
            assert http.get("/v1/rates", params={"min_position": 1}, timeout=30).status_code == 200
            assert http.get("/", follow_redirects=True, timeout=30).status_code == 200
            status = Path(f"/proc/{process.pid}/status").read_text()
            assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}" in status
            assert "CapEff:\t0000000000000000" in status
            assert "NoNewPrivs:\t1" in status
        finally:
            process.terminate()
            process.wait(60)
    assert process.returncode == 0, log.read_text()[-4_000:]
    assert {each.stat().st_uid for each in data.rglob("*")} == {int(USER)}
    refused = subprocess.run(
        [*image.command(data)[:-1], "sh", "-c", "touch /opt/taizhang/x"], capture_output=True, text=True, check=False
    )
    assert "Read-only file system" in refused.stderr


def until_it_answers(http: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S_MAX
    while True:
        assert process.poll() is None, log.read_text()[-4_000:]
        assert time.monotonic() < deadline, log.read_text()[-4_000:]
        try:
            if http.get("/health/live").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
