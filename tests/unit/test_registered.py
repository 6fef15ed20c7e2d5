"""A version as people look at it: tags of an older or broken kind are null, never an error."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from serve_app.core.ports import Version
from serve_app.core.registered import gate_of, last_ruling, named, shown

AT = datetime(2026, 1, 5, tzinfo=UTC)


def version(number: str = "1", aliases: tuple[str, ...] = (), **tags: str) -> Version:
    given = {name.replace("gate_", "gate."): value for name, value in tags.items()}
    return Version("x", number, "sha256:d", aliases, {"ece": 0.1}, given, AT)


@pytest.mark.parametrize("broken", ["", "{", "[]", "7", "null", '"x"'])
def test_a_broken_tag_is_null(broken: str) -> None:
    told = shown(version(label_mix=broken, gate_outcome="refuse", gate_reasons="{}", gate_figures=broken))
    assert told["label_mix"] is None
    assert told["gate"] == {"outcome": "refuse", "reasons": [], "figures": {}, "gold": None}


def test_without_tags_nothing_is_claimed() -> None:
    told = shown(version())
    assert told["gate"] is None
    assert set(told["lineage"].values()) == {None}
    assert (told["family"], told["candidates"]) == (None, [])


def test_a_certificate_is_told_in_short() -> None:
    told = shown(version(**{"certificate.rows": "900", "certificate.classes": "2 of 3", "family": "lightgbm"}))
    assert told["certificate"] == {"rows": "900", "classes": "2 of 3"}
    assert shown(version())["certificate"] is None


def test_the_last_ruling_is_of_the_newest_that_was_judged() -> None:
    versions = [version("3"), version("2", gate_outcome="refuse"), version("1", gate_outcome="promote")]
    found = last_ruling(versions)
    assert found is not None
    assert (found["version"], found["outcome"]) == ("2", "refuse")
    assert last_ruling([version()]) is None
    assert gate_of(version()) is None


def test_a_version_is_found_by_its_alias() -> None:
    versions = [version("2"), version("1", ("champion", "previous"))]
    champion = named(versions, "champion")
    assert champion is not None
    assert champion.version == "1"
    assert named(versions, "challenger") is None
