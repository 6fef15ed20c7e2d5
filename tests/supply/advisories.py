"""Known vulnerabilities of what the lock installs, by pip-audit: ``python -m tests.supply.advisories``.

A vulnerability fails, unless it is in IGNORED with a reason and a day on which that ends. A service that cannot be
reached, or that knows none of our packages, is told and is no failure: nothing was found out then."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from tests.supply.lock import ROOT

SERVICES = ("pypi", "osv")
PATIENCE_S = 300


@dataclass(frozen=True)
class Ignored:
    """``until``: the last day on which it is passed over."""

    until: date
    reason: str


IGNORED: Mapping[str, Ignored] = {}
"""By the advisory's id."""


@dataclass(frozen=True)
class Found:
    """``audited``: packages that the service knows; ``unknown``: those that it does not."""

    audited: int
    unknown: list[str]
    vulnerable: list[str]
    passed_over: list[str]


def read(report: Mapping[str, Any], ignored: Mapping[str, Ignored], today: date) -> Found:
    """Of ``pip-audit --format json``."""
    packages = report["dependencies"]
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    vulnerable, passed_over = [], []
    for each in packages:
        for advisory in each.get("vulns", ()):
            names = {advisory["id"], *advisory.get("aliases", ())}
            line = (
                f"{each['name']} {each['version']}: {advisory['id']} (mended in {advisory['fix_versions'] or 'none'})"
            )
            known = [ignored[name] for name in names if name in ignored and today <= ignored[name].until]
            (passed_over if known else vulnerable).append(f"{line}; {known[0].reason}" if known else line)
    return Found(len(packages) - len(unknown), unknown, vulnerable, passed_over)


def ask(service: str) -> Mapping[str, Any] | None:
    """None when the service could not be asked."""
    lock = str(ROOT / "requirements.lock")
    command = [sys.executable, "-m", "pip_audit", "-s", service, "-r", lock, "--disable-pip", "--no-deps",
               "--progress-spinner", "off", "--format", "json"]  # fmt: skip
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        report: Mapping[str, Any] = json.loads(told.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return report


def main() -> int:
    for service in SERVICES:
        report = ask(service)
        if report is None:
            print(f"advisories: {service} cannot be reached")
            continue
        found = read(report, IGNORED, datetime.now(UTC).date())
        if not found.audited:
            print(f"advisories: {service} knows none of {len(found.unknown)} packages: it is a mirror without any")
            continue
        print(
            *(f"✗ {line}" for line in found.vulnerable),
            *(f"passed over: {line}" for line in found.passed_over),
            sep="\n",
        )
        print(f"advisories: {found.audited} packages by {service}, {len(found.unknown)} unknown to it, "
              f"{len(found.vulnerable)} vulnerabilities, {len(found.passed_over)} passed over")  # fmt: skip
        return 1 if found.vulnerable else 0
    print("! advisories: NOT LOOKED AT, no service could be asked; run `make audit` again where the network allows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
