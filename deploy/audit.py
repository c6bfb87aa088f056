"""`make audit`: pip-audit over requirements.lock. An audit that could not be made fails, unless OFFLINE=1 says so."""

import os
import subprocess
import sys
from pathlib import Path

AWAY = ("ConnectionError", "Max retries exceeded", "NameResolutionError", "ServiceError", "Timeout", "HTTPError")


def main() -> int:
    """Exit code 1 for a vulnerability, 2 where nothing could be audited, 0 for none."""
    options = ["--requirement", "requirements.lock", "--disable-pip", "--progress-spinner", "off"]
    command = [sys.executable, "-m", "pip_audit", *options]
    try:
        found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        print("SKIPPED make audit: no answer within 300 s. Nothing is known about vulnerabilities.", file=sys.stderr)
        return not_made()
    output = f"{found.stdout}\n{found.stderr}"
    if found.returncode and any(sign in output for sign in AWAY):
        print(output[-2_000:], file=sys.stderr)
        print("SKIPPED make audit: the source is away. Nothing is known about vulnerabilities.", file=sys.stderr)
        return not_made()
    print(output)
    if "could not be audited" in output:
        left_out = output.count("could not be audited")
        print(
            f"INCOMPLETE make audit: {left_out} dependencies are unknown to the source that was asked.", file=sys.stderr
        )
        if left_out >= pinned():
            return not_made()
    return found.returncode


def not_made() -> int:
    """What an audit that said nothing is worth: a failure, unless whoever runs it knew that there is no network."""
    return 0 if os.environ.get("OFFLINE") == "1" else 2


def pinned() -> int:
    """How many dependencies the lock names."""
    lines = Path("requirements.lock").read_text(encoding="utf-8").splitlines()
    return sum("==" in line for line in lines)


if __name__ == "__main__":
    sys.exit(main())
