"""The look at certificates: what was audited since is read once, and what turned is withdrawn for all to see."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine import Round
from pipelines.recheck import Rechecks
from pipelines.triggers import Stores, Triggers
from pipelines.workflow import Workflows
from serve_app.adapters.memory_audit import MemoryAudit
from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.adapters.memory_jobs import MemoryJobs
from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.adapters.memory_reports import MemoryReports
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.certificate import FILE, Certificate, ClassCertificate
from serve_app.core.certified import LOOK, WITHDRAWAL
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.jobs import Report
from serve_app.core.platform import Platform
from serve_app.core.ports import Version
from serve_app.core.standing import KIND, Override, Standing
from serve_app.core.use_case import UseCase
from tests.fakes import events
from tests.fakes.small_models import STUDENT, USE_CASES, write_use_case
from tests.fakes.small_steps import InThreads

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SURE = ClassCertificate(0.8, 200, 2, 0.05)
CERTIFICATE = Certificate(0.9, "teacher", 0.05, 1, 0.03, 400, {"no": SURE, "yes": SURE})


def knots(**cascade: Any) -> UseCase:
    raw = {"name": "knots", "title": "Knots", "student": STUDENT, **USE_CASES["knots"]}
    cascade = {"kind": "certified", "target": 0.9, "audit_rate": 0.1, **cascade}
    return UseCase.model_validate_json(json.dumps({**raw, "cascade": cascade}))


class Registered(MemoryRegistry):
    """A champion, ``serving``, whose bundle is only its certificate; ``fetched`` counts the downloads."""

    def __init__(self, certificate: Certificate | None) -> None:
        super().__init__()
        self.serving, self.fetched, self.certificate = "3", 0, certificate

    def aliased(self, use_case: str, alias: str) -> Version | None:
        return Version(use_case, self.serving, "sha256:x", created_at=NOON)

    def fetch(self, use_case: str, version: str) -> Any:
        self.fetched += 1
        return {} if self.certificate is None else {FILE: self.certificate.as_json()}


class World:
    """The stores, and a clock that is turned by hand."""

    def __init__(self, certificate: Certificate | None = CERTIFICATE) -> None:
        self.log, self.reports, self.audit = MemoryEventLog(), MemoryReports(), MemoryAudit()
        self.registry, self.now = Registered(certificate), NOON + timedelta(hours=1)
        self.rechecks = Rechecks(self.log, self.reports, self.audit, lambda: self.registry, lambda: self.now)

    def answered(self, count: int, label: str = "yes", wrong: int = 0, **more: Any) -> list[LoggedPrediction]:
        made = self.made(count, label, wrong, **more)
        self.log.append(made)
        return made

    def made(self, count: int, label: str = "yes", wrong: int = 0, **more: Any) -> list[LoggedPrediction]:
        """By version 3 and audited, of which every ``wrong``-th the teacher contradicts."""
        other = {"yes": "no", "no": "yes"}[label]
        made = [
            events.logged(
                use_case="knots", at=self.now, student={"label": label, "confidence": 0.9}, audit_rate=0.1,
                teacher={"label": other if wrong and number % wrong == 0 else label, "provider": "recorded"},
            )
            for number in range(count)
        ]  # fmt: skip
        return [replace(each, **more) for each in made]

    def look(self, minutes: float = 2, **cascade: Any) -> set[str]:
        self.now += timedelta(minutes=minutes)
        return set(self.rechecks.look(knots(**cascade)))

    def standing(self) -> Standing:
        report = self.reports.latest("knots", KIND)
        return Standing() if report is None else Standing.from_dict(report.content)


def test_while_it_holds_nothing_is_written_but_what_was_seen() -> None:
    world = World()
    world.answered(300, wrong=30)
    assert world.look() == set()
    assert world.standing() == Standing()
    assert world.audit.page() == []
    told = world.reports.latest("knots", LOOK)
    assert told is not None
    assert (told.content["version"], told.content["rows"], told.content["disagreements"]) == ("3", 300, 10)


def test_a_class_that_turned_is_withdrawn_audited_and_an_alert() -> None:
    world = World()
    world.answered(60, wrong=2)
    world.answered(60, "no", wrong=30)
    assert world.look() == {"yes"}
    standing = world.standing()
    assert (standing.version, set(standing.withdrawn)) == ("3", {"yes"})
    assert (standing.withdrawn["yes"].rows, standing.withdrawn["yes"].disagreements) == (60, 30)
    [entry] = world.audit.page()
    assert (entry.action, entry.by, entry.use_case) == ("certificate_withdrawn", "understudy", "knots")
    assert (entry.detail["version"], entry.detail["class"], entry.detail["disagreements"]) == ("3", "yes", 30)
    [alert] = world.reports.newest("knots", WITHDRAWAL)
    assert alert.content["alert_rows"] == [{"action": "certificate_withdrawn", **entry.detail}]


def test_once_withdrawn_it_stays_and_is_told_once() -> None:
    world = World()
    world.answered(60, wrong=2)
    assert [world.look(), world.look()] == [{"yes"}, set()]
    world.answered(900)
    assert world.look() == set()
    assert set(world.standing().withdrawn) == {"yes"}
    assert len(world.audit.page()) == len(world.reports.newest("knots", WITHDRAWAL)) == 1
    world.registry.serving = "4"
    assert world.look() == set(), "what version 3 answered is not held against version 4"
    world.answered(60, "no", wrong=2, model_version="4")
    assert world.look() == {"no"}
    assert (world.standing().version, set(world.standing().withdrawn)) == ("4", {"no"})


def test_an_override_outlives_a_withdrawal() -> None:
    world = World()
    override = Override("kim", "checked by hand", "2026-03-09T00:00:00+00:00", 0.7)
    content = Standing("3", {}, override).as_dict()
    world.reports.put(Report(f"{KIND}:knots", "knots", KIND, NOON, content))
    world.answered(60, wrong=2)
    assert world.look() == {"yes"}
    assert world.standing().override == override


@pytest.mark.parametrize(
    "no_evidence",
    [{"audit_rate": None}, {"model_version": "2"}, {"teacher": None}, {"student": {"label": "yes", "confidence": 0.5}}],
    ids=["deferred, not audited", "of another version", "unanswered", "below the threshold"],
)
def test_what_is_no_evidence_withdraws_nothing(no_evidence: dict[str, Any]) -> None:
    world = World()
    world.answered(200, wrong=1, **no_evidence)
    assert world.look() == set()


def test_rows_are_read_once_and_the_certificate_is_fetched_once() -> None:
    world = World()
    for _ in range(3):
        world.answered(30, wrong=10)
        world.look()
    told = world.reports.latest("knots", LOOK)
    assert told is not None
    assert told.content["rows"] == 90
    assert world.registry.fetched == 1


def test_rows_that_may_not_be_committed_yet_wait_for_the_next_look() -> None:
    world = World()
    world.answered(60, wrong=2)
    assert world.look(minutes=0.5) == set()
    assert world.look(minutes=0.4) == set(), "it looks once a minute"
    assert world.look(minutes=1) == {"yes"}


def test_what_waited_while_the_log_was_away_counts_when_it_comes() -> None:
    world = World()
    late = world.made(60, wrong=2)
    world.answered(60)
    assert world.look() == set()
    world.log.append(late)
    assert world.look() == set(), "their ids are behind what has been read"
    assert world.look(minutes=9) == {"yes"}


def test_gold_is_what_people_say_however_late() -> None:
    world = World(replace(CERTIFICATE, reference="gold"))
    rows = world.answered(60)
    assert world.look(reference="gold") == set()
    for row in rows:
        world.log.add_label(Label(events.new_id(), row.id, world.now, "kim", "no"))
    assert world.look(reference="gold") == set(), "everything is read again, and so more rarely"
    assert world.look(minutes=10, reference="gold") == {"yes"}


def test_without_a_certificate_audited_rows_are_counted() -> None:
    world = World(None)
    world.answered(70, wrong=2)
    assert world.look() == set()
    told = world.reports.latest("knots", LOOK)
    assert told is not None
    assert told.content["rows"] == 70


def test_a_fixed_cascade_is_not_looked_at() -> None:
    world = World()
    raw = {"name": "knots", "title": "Knots", "student": STUDENT, **USE_CASES["knots"]}
    world.answered(60, wrong=2)
    assert world.rechecks.look(UseCase.model_validate_json(json.dumps(raw))) == {}
    assert world.registry.fetched == 0


def test_the_engine_looks_at_the_certificate_of_every_use_case(tmp_path: Path) -> None:
    write_use_case(tmp_path, "sands")
    write_use_case(tmp_path, "foams")
    jobs, folder = MemoryJobs(), UseCaseFolder(tmp_path / "use_cases")
    platform, stores, seen = Platform(state=str(tmp_path)), Stores(jobs, MemoryReports(), MemoryEventLog()), []

    def recheck(use_case: UseCase) -> None:
        seen.append(use_case.name)
        raise OSError("away")

    triggers = Triggers(stores, lambda _: None)
    around = Round(folder, platform, stores, Workflows(jobs, folder, platform, InThreads()), triggers, recheck=recheck)
    around.tick()
    assert seen == ["foams", "sands"], "one that fails holds up no other"
