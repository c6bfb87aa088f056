"""What stands in deploy/ is taken by the programs that read it, and speaks of things that are there."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.commands.cli import COMMANDS
from services.kafka.clients import Outage
from services.kafka.pulse import Pulse
from services.system.settings import Settings, variable
from tests.fix_service import Service, environment, free_port

pytestmark = pytest.mark.deploy

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
RULES = DEPLOY / "prometheus" / "rules.yml"
#: Set by people or files beside, and not by the program's own settings.
FILES = {f"{variable(name)}_FILE" for name in Settings.model_fields}
KNOWN = FILES | {variable(name) for name in Settings.model_fields}


def run(program: str, *arguments: str, cwd: Path = ROOT) -> str:
    """The output of a program that ends well; `make setup-deploy` says which are missing."""
    path = shutil.which(program, path=f"{BIN}:/usr/bin:/usr/sbin:/usr/local/bin:/bin:/sbin")
    assert path is not None, f"{program} is not installed: make setup-deploy"
    done = subprocess.run([path, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def alerts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return found


def test_prometheus_takes_the_configuration_and_each_alert_fires_when_its_fault_is_there() -> None:
    run("promtool", "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))
    run("promtool", "test", "rules", str(DEPLOY / "prometheus" / "rules_test.yml"))


def test_each_alert_has_a_page_of_the_runbook_and_a_test() -> None:
    pages = set(re.findall(r"^## (Taizhang\w+)$", (DEPLOY / "runbook.md").read_text(), re.MULTILINE))
    tested = {
        rule["alertname"]
        for test in yaml.safe_load((DEPLOY / "prometheus" / "rules_test.yml").read_text())["tests"]
        for rule in test["alert_rule_test"]
        if rule["exp_alerts"]
    }
    names = {each["alert"] for each in alerts()}
    assert pages == names == tested
    assert {each["annotations"]["runbook"].partition("#")[2] for each in alerts()} == {each.lower() for each in names}


def test_rules_and_dashboard_speak_of_measures_that_the_service_has(fresh_service: Service) -> None:
    measures = fresh_service.http.get("/metrics").text
    has = set(re.findall(r"^# TYPE (taizhang_\w+) ", measures, re.MULTILINE))
    # Those of ingest and relay, on their own port.
    has |= {each.name for each in Pulse("ingest", Outage("Kafka")).collect()}
    dashboard = (DEPLOY / "grafana" / "taizhang.json").read_text()
    json.loads(dashboard)
    for expression in (*(each["expr"] for each in alerts()), dashboard):
        for name in re.findall(r"\btaizhang_[a-z_]+", expression):
            assert name.removesuffix("_bucket") in has or name in has, f"{name} is no measure of the service"
    parts = set(re.findall(r'taizhang_part_ready\{part="(\w+)"\}', measures))
    assert set(re.findall(r'part=\\?"(\w+)', RULES.read_text())) <= parts
    answer = fresh_service.http.get("/health/ready").json()["parts"]
    assert set(answer) == parts
    for part, said in answer.items():
        assert f'taizhang_part_ready{{part="{part}"}} {float(said["ready"])}' in measures


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=ledger.example",
        "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "fullchain.pem"))  # fmt: skip
    text = (DEPLOY / "nginx" / "taizhang.conf").read_text().replace("/etc/taizhang/tls", str(tmp_path))
    (tmp_path / "taizhang.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; include {tmp_path}/taizhang.conf; }}"
    )
    assert "test is successful" in run("nginx", "-t", "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path))


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in sorted((DEPLOY / "systemd").glob("taizhang-*")):
        # What it starts is not installed where the tests run.
        text = unit.read_text().replace("/opt/taizhang/bin/taizhang", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    said = run("systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir())))
    assert [line for line in said.splitlines() if "taizhang" in line] == []
    timers = {each.stem for each in (DEPLOY / "systemd").glob("*.timer")}
    assert timers <= {each.stem for each in (DEPLOY / "systemd").glob("*.service")}


def settings_named(text: str) -> set[str]:
    return set(re.findall(r"\bTAIZHANG_[A-Z_]+\b", text))


def test_files_of_deploy_name_settings_and_commands_that_are_there() -> None:
    files = [each for folder in ("container", "kubernetes", "systemd", "nginx") for each in (DEPLOY / folder).iterdir()]
    for file in files:
        if file.is_file():
            assert settings_named(file.read_text()) <= KNOWN, file
    started = {
        argument
        for unit in (DEPLOY / "systemd").glob("*.service")
        for argument in re.findall(r"/bin/taizhang ([a-z-]+)", unit.read_text())
    }
    compose = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())["services"]
    started |= {each["command"][0] for each in compose.values() if each["image"] == "taizhang"}
    assert started <= set(COMMANDS)
    assert {"serve", "ingest", "relay", "notify", "backup", "reminders", "verify"} <= started
    manifests = (DEPLOY / "kubernetes" / "taizhang.yaml").read_text()
    started = set(re.findall(r"^ +args: \[([a-z]+)", manifests, re.MULTILINE)) | {"backup"}
    assert started == {"migrate", "serve", "ingest", "relay", "reminders", "verify", "backup"} & set(COMMANDS)


def test_compose_and_kubernetes_take_the_files_by_their_own_schemas() -> None:
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "container" / "compose.yaml"))
    said = run("kubernetes-validate", "--strict", str(DEPLOY / "kubernetes" / "taizhang.yaml"))
    assert said.count(" passed for resource ") == len(objects())


def test_the_image_has_what_the_service_needs_to_run_and_nothing_that_tests_it() -> None:
    """The lock of the image is a part of the whole lock, and holds all that the project asks for."""

    def pinned(lock: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9-]+==\S+)", (ROOT / lock).read_text(), re.MULTILINE))

    def names(pins: set[str]) -> set[str]:
        return {each.partition("==")[0] for each in pins}

    def wanted(requirements: list[str]) -> set[str]:
        return {re.split(r"[^A-Za-z0-9.-]", each)[0].lower().replace(".", "-") for each in requirements}

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    image, whole = pinned("requirements-run.lock"), pinned("requirements.lock")
    assert image <= whole
    assert wanted(project["dependencies"]) <= names(image)
    assert not {"pytest", "mypy", "ruff", "hypothesis", "matplotlib"} & names(image)


def test_the_image_runs_as_nobody_of_note_on_what_the_project_asks_for() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    last = text.rpartition("\nFROM ")[2]
    assert "USER 10001" in last
    assert not re.search(r"apt-get|gcc|pip install", last)
    assert "--require-hashes" in text
    assert re.findall(r"python:([0-9.]+)", text)[0] in project["requires-python"]
    copied = set(re.findall(r"^COPY ([a-z]+) \1$", text, re.MULTILINE))
    assert copied == {"domain", "projections", "services", "api"}


def objects() -> dict[tuple[str, str], dict[str, Any]]:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "taizhang.yaml").read_text())
    return {(each["kind"], each["metadata"]["name"]): each for each in documents}


def test_the_manifests_name_only_what_they_make_and_confine_each_pod() -> None:
    found = objects()
    pods = [each["spec"]["template"] for (kind, _), each in found.items() if kind == "Deployment"]
    pods += [each["spec"]["template"] for (kind, _), each in found.items() if kind == "Job"]
    pods += [each["spec"]["jobTemplate"]["spec"]["template"] for (kind, _), each in found.items() if kind == "CronJob"]
    assert len(pods) == 7
    for pod in pods:
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        volumes = {each["name"]: each for each in spec["volumes"]}
        for each in volumes.values():
            claim = each.get("persistentVolumeClaim", {}).get("claimName")
            assert claim is None or ("PersistentVolumeClaim", claim) in found
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["resources"]["limits"]["memory"]
            assert {each["name"] for each in container["volumeMounts"]} == set(volumes)
            assert all(("ConfigMap", each["configMapRef"]["name"]) in found for each in container["envFrom"])
    labels = [pod["metadata"]["labels"] for pod in pods]
    for kind, name in found:
        if kind in {"Service", "PodDisruptionBudget"}:
            spec = found[kind, name]["spec"]
            selector = spec["selector"].get("matchLabels", spec["selector"])
            assert any(selector.items() <= each.items() for each in labels)
    serve = found["Deployment", "taizhang-serve"]["spec"]["template"]["spec"]["containers"][0]
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(serve)


@pytest.mark.timeout(600)
def test_the_first_page_leads_from_nothing_to_a_service_that_is_watched_and_backed_up(tmp_path: Path) -> None:
    (block,) = re.findall(r"## From nothing.*?```sh\n(.*?)```", (DEPLOY / "README.md").read_text(), re.DOTALL)
    commands = block.strip().splitlines()
    assert len(commands) == 10
    for name in (".venv", "deploy"):
        (tmp_path / name).symlink_to(ROOT / name)
    # Ports of the test's own; the clone is set up already.
    port, watching = str(free_port()), str(free_port())
    (tmp_path / "local.yml").write_text(
        (DEPLOY / "prometheus" / "local.yml").read_text().replace("8000", port).replace("15s", "2s")
        .replace("[rules.yml]", f"[{DEPLOY}/prometheus/rules.yml]")
    )  # fmt: skip
    # The last is asked again until Prometheus has looked once.
    last = f'until answer=$({commands[-1]}); [[ $answer = *intake* ]]; do sleep 1; done; echo "$answer"'
    script = "\n".join(["set -e", "trap 'kill $(jobs -p); wait' EXIT", *commands[1:-1], last])
    for old, new in (
        ("deploy/prometheus/local.yml", f"local.yml --web.listen-address=127.0.0.1:{watching}"),
        ("127.0.0.1:8000", f"127.0.0.1:{port}"),
        ("127.0.0.1:9090", f"127.0.0.1:{watching}"),
    ):
        assert old in script
        script = script.replace(old, new)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment(port=port), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert '"status":"ready"' in said or '"status":"degraded"' in said
    assert "events backed up" in said
    assert "events restored" in said
    answer = json.loads(said[said.rindex('{"status":"success"') :])
    ready = {each["metric"]["part"]: each["value"][1] for each in answer["data"]["result"]}
    assert (ready["database"], ready["intake"]) == ("1", "1")
