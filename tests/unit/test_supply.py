"""What is installed is what was locked, known by its hash, in step with what is asked for, and free."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tests.supply.advisories import Ignored
from tests.supply.advisories import read as advisories
from tests.supply.licences import as_markdown, installed, licensed, refused
from tests.supply.lock import ROOT, problems, project, read

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
HASH = "--hash=sha256:" + "0" * 64


def test_the_lock_has_a_hash_for_every_line_and_is_in_step() -> None:
    locked = read(LOCK)
    assert len(locked) > 200
    assert problems(locked, project()) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("spam==1.0", "no hash"),
        (f"spam>=1.0 \\\n    {HASH}", "not one exact version"),
        (f"spam==1.* \\\n    {HASH}", "not one exact version"),
        (f"spam==1.0 --index-url=http://elsewhere \\\n    {HASH}", "--index-url=http://elsewhere"),
        (f"spam==1.0 \\\n    {HASH}", "nothing asks for it"),
    ],
)
def test_a_line_that_is_not_safe_is_found(line: str, problem: str) -> None:
    (told,) = {each for each in problems(read(f"{LOCK}{line}\n"), project()) if problem in each}
    assert told.startswith("spam")


def test_a_lock_that_is_behind_is_found() -> None:
    asked = project()
    asked["project"]["dependencies"] = [*asked["project"]["dependencies"], "spam>=2", "httpx>=9999"]
    told = problems(read(LOCK), asked)
    assert any(each.startswith("spam>=2 (pyproject.toml): not in the lock") for each in told)
    assert any(each.startswith("httpx>=9999 (pyproject.toml): the lock has") for each in told)


LOCKED = read(f"spam==1.0 \\\n    {HASH}\neggs==2.0 \\\n    {HASH}\npsycopg==3 \\\n    {HASH}\n")


@pytest.mark.parametrize(
    "licence", ["MIT", "BSD-3-Clause AND (Apache-2.0 OR MIT)", "Apache Software License; BSD License"]
)
def test_a_free_licence_is_let_in(licence: str) -> None:
    said = installed(json.dumps([{"Name": name, "License": licence} for name in ("Spam", "eggs")]))
    assert refused(licensed(LOCKED, said)) == []


@pytest.mark.parametrize("licence", ["GPLv3", "UNKNOWN", "MIT AND GPLv3", "MIT; Proprietary", ""])
def test_another_is_refused_unless_somebody_has_looked(licence: str) -> None:
    rows = licensed(LOCKED, {"spam": licence, "eggs": "MIT", "psycopg": licence})
    assert refused(rows) == [f"spam 1.0: {licence}"]
    assert "| psycopg | 3 | LGPL-3.0-only |" in as_markdown(rows)


def report(*vulns: dict[str, Any]) -> dict[str, Any]:
    return {
        "dependencies": [{"name": "spam", "version": "1.0", "vulns": list(vulns)}, {"name": "eggs", "skip_reason": "?"}]
    }


def test_a_vulnerability_counts_until_it_is_passed_over_and_again_after() -> None:
    bad = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.1"]}
    passed = {"CVE-1": Ignored(date(2026, 12, 31), "not called here")}
    assert advisories(report(bad), {}, date(2026, 12, 1)).vulnerable == ["spam 1.0: PYSEC-1 (mended in ['1.1'])"]
    assert advisories(report(bad), passed, date(2026, 12, 31)).vulnerable == []
    assert "not called here" in advisories(report(bad), passed, date(2026, 12, 31)).passed_over[0]
    assert advisories(report(bad), passed, date(2027, 1, 1)).vulnerable
    assert (advisories(report(), {}, date(2026, 12, 1)).audited, report()["dependencies"][1]["name"]) == (1, "eggs")
