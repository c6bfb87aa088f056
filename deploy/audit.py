"""`make audit`: pip-audit over requirements.lock. An audit that could not be made fails, unless OFFLINE=1 says so."""

import json
import os
import subprocess
import sys
from typing import Any

AWAY = ("ConnectionError", "Max retries exceeded", "NameResolutionError", "ServiceError", "Timeout", "HTTPError")


def main() -> int:
    """Exit code 1 for a vulnerability, 2 where nothing could be audited, 0 for none."""
    options = ["--requirement", "requirements.lock", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    command = [sys.executable, "-m", "pip_audit", *options]
    try:
        found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        print("SKIPPED make audit: no answer within 300 s. Nothing is known about vulnerabilities.", file=sys.stderr)
        return not_made()
    if found.returncode and any(sign in found.stderr for sign in AWAY):
        print(found.stderr[-2_000:], file=sys.stderr)
        print("SKIPPED make audit: the source is away. Nothing is known about vulnerabilities.", file=sys.stderr)
        return not_made()
    try:
        dependencies = json.loads(found.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(found.stdout, found.stderr, file=sys.stderr)
        return found.returncode or 2
    return judged(dependencies)


def judged(dependencies: list[dict[str, Any]]) -> int:
    """The exit code for what pip-audit says of each dependency, and its vulnerabilities in words."""
    audited = [each for each in dependencies if "skip_reason" not in each]
    vulnerable = [each for each in audited if each["vulns"]]
    for each in vulnerable:
        for fault in each["vulns"]:
            mended = ", ".join(fault["fix_versions"]) or "none yet"
            print(f"{each['name']} {each['version']}: {fault['id']}, mended in {mended}")
    left_out = len(dependencies) - len(audited)
    print(f"{len(audited)} dependencies audited, {len(vulnerable)} vulnerable, {left_out} unknown to the source")
    if left_out:
        print(
            f"INCOMPLETE make audit: {left_out} dependencies are unknown to the source that was asked.", file=sys.stderr
        )
    if not audited:
        return not_made()
    return 1 if vulnerable else 0


def not_made() -> int:
    """What an audit that said nothing is worth: a failure, unless whoever runs it knew that there is no network."""
    return 0 if os.environ.get("OFFLINE") == "1" else 2


if __name__ == "__main__":
    sys.exit(main())
