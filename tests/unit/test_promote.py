"""The last step of a retrain, on the real registry: promoted, left to a person, in the shadow, or refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.data_root import DataRoot
from pipelines.dataset import part_of, write
from pipelines.judge import evaluate
from pipelines.promote import promote
from pipelines.run import Refusal, Run
from pipelines.train import challenger
from serve_app.adapters.registries import move_champion, open_registry
from serve_app.adapters.sql_audit import open_audit
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.audit import AuditFilter
from serve_app.core.platform import Platform
from serve_app.core.ports import Registry
from tests.fakes.small_models import USE_CASES, knots, trained, write_use_case

REASONS = [{"code": "worse", "text": "macro-F1 fell by 0.2"}]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("bundle")
    write_use_case(folder, "knots")
    return trained(UseCaseFolder(folder / "use_cases").get("knots"))


class Place:
    """A champion, version 1, and a challenger, version 2."""

    def __init__(self, folder: Path, bundle: dict[str, bytes], **retraining: Any) -> None:
        write_use_case(folder, "knots", {**USE_CASES["knots"], "retraining": retraining})
        self.platform = Platform(state=str(folder / "state"))
        self.registry: Registry = open_registry(self.platform)
        for _ in range(2):
            self.registry.register("knots", bundle, {}, {})
        self.registry.set_alias("knots", "champion", "1")
        self.run = Run(
            "j1", "train", "knots", {}, "api", datetime.now(UTC), UseCaseFolder(folder / "use_cases"), self.platform
        )

    def came(self, outcome: str, champion: str | None = "1") -> dict[str, Any]:
        """``champion``: the one that the gate compared with."""
        reasons = [] if outcome == "promote" else REASONS
        ruling = {"outcome": outcome, "reasons": reasons, "figures": {}, "champion": champion}
        return promote(self.run, {"train": {"version": "2"}, "evaluate": ruling})

    def alias(self, name: str) -> str | None:
        found = self.registry.aliased("knots", name)
        return None if found is None else found.version


def test_what_passed_becomes_the_champion_and_doing_it_again_comes_to_the_same(
    tmp_path: Path, bundle: dict[str, bytes]
) -> None:
    place = Place(tmp_path, bundle)
    once, again = place.came("promote"), place.came("promote")
    assert once == again
    assert (once["promoted"], once["version"], once["previous"]) == (True, "2", "1")
    assert (place.alias("champion"), place.alias("previous")) == ("2", "1")
    audit = open_audit(place.platform.store, place.run.state)
    (entry,) = audit.page(AuditFilter("knots"))
    audit.close()
    assert (entry.by, entry.action, entry.detail["version"], entry.detail["previous"]) == ("gate", "promote", "2", "1")


@pytest.mark.parametrize(
    ("retraining", "outcome", "challenger", "why"),
    [
        ({}, "refuse", None, "the gate refused it: macro-F1 fell by 0.2"),
        ({"shadow": 0.1}, "refuse", None, "the gate refused it"),
        ({}, "person", None, "only a person can promote it: macro-F1 fell by 0.2"),
        ({"shadow": 0.1}, "person", "2", "only a person can promote it"),
        ({"promote": "person"}, "promote", "2", "it passed the gate and waits for a person"),
    ],
)
def test_what_is_not_promoted_says_why_and_may_wait_in_the_shadow(
    tmp_path: Path, bundle: dict[str, bytes], retraining: dict[str, Any], outcome: str, challenger: str, why: str
) -> None:
    place = Place(tmp_path, bundle, **retraining)
    came = place.came(outcome)
    assert (came["promoted"], came["version"], came["previous"]) == (False, "2", "1")
    assert came["reason"].startswith(why)
    assert (place.alias("champion"), place.alias("challenger")) == ("1", challenger)


def test_a_champion_that_somebody_chose_since_the_ruling_stays(tmp_path: Path, bundle: dict[str, bytes]) -> None:
    place = Place(tmp_path, bundle)
    place.registry.register("knots", bundle, {}, {})
    move_champion(place.registry, "knots", "3")
    came = place.came("promote", champion="1")
    assert (came["promoted"], came["version"], came["previous"]) == (False, "2", "3")
    assert came["reason"] == (
        "it passed the gate against version 1, and now there is version 3: only a person can promote it"
    )
    assert (place.alias("champion"), place.alias("challenger")) == ("3", None)


def test_a_use_case_that_is_edited_in_the_middle_is_trained_and_judged_no_further(
    tmp_path: Path, bundle: dict[str, bytes]
) -> None:
    place = Place(tmp_path, bundle)
    came = {"prepare": {"dataset": prepared(place)}, "train": {"version": "2"}}
    raw: Any = USE_CASES["knots"]
    write_use_case(tmp_path / "edited", "knots", {**raw, "fields": {**raw["fields"], "colour": {"kind": "text"}}})
    run = replace(place.run, job_id="j2", catalogue=UseCaseFolder(tmp_path / "edited/use_cases"))
    for step in (challenger, evaluate):
        with pytest.raises(Refusal, match="edited while the job was under way"):
            step(run, came)


def prepared(place: Place) -> str:
    root, rows = DataRoot(place.platform), part_of(knots(60, 9))
    write(root.filesystem, root.path("knots", "processed", "j1"), place.run.configured(), rows, rows)
    return root.address("knots", "processed", "j1")


def test_the_ruling_names_the_champion_that_it_compared_with(tmp_path: Path, bundle: dict[str, bytes]) -> None:
    place = Place(tmp_path, bundle)
    came = {"prepare": {"dataset": prepared(place)}, "train": {"version": "2"}}
    assert evaluate(place.run, came)["champion"] == "1"
    place.registry.remove_alias("knots", "champion")
    assert evaluate(place.run, came)["champion"] is None


def test_a_first_champion_that_came_meanwhile_stays(tmp_path: Path, bundle: dict[str, bytes]) -> None:
    place = Place(tmp_path, bundle)
    came = place.came("promote", champion=None)
    assert not came["promoted"]
    assert "against no champion, and now there is version 1" in came["reason"]
    assert place.alias("champion") == "1"


def test_a_rollback_between_two_attempts_is_not_undone(tmp_path: Path, bundle: dict[str, bytes]) -> None:
    place = Place(tmp_path, bundle)
    assert place.came("promote")["promoted"]
    move_champion(place.registry, "knots", "1")  # a person's rollback, before the first attempt was written down
    came = place.came("promote")
    assert (came["promoted"], came["previous"]) == (False, "1")
    assert "somebody went back to version 1" in came["reason"]
    assert place.alias("champion") == "1"


def test_a_ruling_of_an_older_understudy_still_promotes(tmp_path: Path, bundle: dict[str, bytes]) -> None:
    place = Place(tmp_path, bundle)
    ruling = {"outcome": "promote", "reasons": [], "figures": {}}
    assert promote(place.run, {"train": {"version": "2"}, "evaluate": ruling})["promoted"]
