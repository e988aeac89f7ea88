"""Look the locked packages up among the vulnerabilities that are known, with pip-audit: `make audit` runs this.

Data on vulnerabilities come from the package index or from osv.dev. A package of which neither tells anything counts as
not looked up, and then the audit fails: silence is no all-clear.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SERVICES = ("pypi", "osv")
UNREACHABLE = (
    "The audit could not be made: the data on vulnerabilities cannot be had from here. Run it where the package index"
    " or osv.dev can be reached."
)
Answer = Mapping[str, Any]


def ask(pip_audit: str, requirements: Path, service: str) -> Answer | None:
    """What a service knows of the packages; None where it cannot be reached or does not know them."""
    command = [pip_audit, "--requirement", str(requirements), "--no-deps", "--disable-pip", "--format", "json"]
    done = subprocess.run(
        [*command, "--vulnerability-service", service, "--progress-spinner", "off"], capture_output=True, text=True
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return None
    return answer if any("vulns" in package for package in answer["dependencies"]) else None


def verdict(answers: Sequence[Answer | None]) -> tuple[str, bool]:
    """What the services' answers come to, in lines, and whether all is well."""
    found = next((answer for answer in answers if answer), None)
    if found is None:
        return UNREACHABLE, False
    packages = found["dependencies"]
    unknown = [package["name"] for package in packages if "vulns" not in package]
    lines = [
        f"{package['name']} {package['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'none'}"
        for package in packages
        for flaw in package.get("vulns", ())
    ]
    if unknown:
        lines.append(f"Not looked up, for nothing is known of them: {', '.join(unknown)}.")
    return "\n".join(lines) or f"Looked up: {len(packages)}. No vulnerability is known of them.", not lines


def main(pip_audit: str, requirements: str) -> int:
    answers: list[Answer | None] = []
    for service in SERVICES:
        answers.append(ask(pip_audit, Path(requirements), service))
        if answers[-1]:
            break
    said, well = verdict(answers)
    print(said, file=sys.stdout if well else sys.stderr)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
