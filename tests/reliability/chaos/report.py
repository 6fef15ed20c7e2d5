"""What was found, as a table and as a file."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from tests.fakes.running import ROOT
from tests.reliability.chaos.grounds import Finding

FOLDER = ROOT / ".understudy" / "chaos"
COUNTED = (
    "A request counts as answered where it got a 200. It is sent once: a refused, reset or closed connection, another "
    "status or 30 s without an answer is a failure. Lost: ids that a 200 told and that the event log does not hold."
)


def written(findings: Sequence[Finding], short: bool) -> str:
    """The table, which is kept beside the figures."""
    text = table(findings, short)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "chaos.md").write_text(text, encoding="utf-8")
    whole = {"at": datetime.now(UTC).isoformat(), "short": short, "findings": [asdict(each) for each in findings]}
    (FOLDER / "chaos.json").write_text(json.dumps(whole, indent=1, default=str), encoding="utf-8")
    return text


def table(findings: Sequence[Finding], short: bool) -> str:
    rows = [
        f"| {each.fault} | {each.must} | {each.measured} | {'yes' if each.held else '**no**'} |" for each in findings
    ]
    machine = f"{os.cpu_count()} cores, {platform.machine()}, load average {os.getloadavg()[1]:.1f}"
    return "\n".join(
        [
            f"{'short' if short else 'long'} form; {machine}. {COUNTED}",
            "",
            "| fault | must hold | measured | held |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )
