"""`make audit`: pip-audit over requirements.lock. Where the source of vulnerabilities is away it is skipped, loudly."""

import subprocess
import sys

AWAY = ("ConnectionError", "Max retries exceeded", "NameResolutionError", "ServiceError", "Timeout", "HTTPError")


def main() -> int:
    """Exit code 1 for a vulnerability, 0 for none or for an audit that could not be made."""
    options = ["--requirement", "requirements.lock", "--disable-pip", "--progress-spinner", "off"]
    command = [sys.executable, "-m", "pip_audit", *options]
    try:
        found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        print("SKIPPED make audit: no answer within 300 s. Nothing is known about vulnerabilities.", file=sys.stderr)
        return 0
    output = f"{found.stdout}\n{found.stderr}"
    if found.returncode and any(sign in output for sign in AWAY):
        print(output[-2_000:], file=sys.stderr)
        print("SKIPPED make audit: the source is away. Nothing is known about vulnerabilities.", file=sys.stderr)
        return 0
    print(output)
    if "could not be audited" in output:
        left_out = output.count("could not be audited")
        print(
            f"INCOMPLETE make audit: {left_out} dependencies are unknown to the source that was asked.", file=sys.stderr
        )
    return found.returncode


if __name__ == "__main__":
    sys.exit(main())
