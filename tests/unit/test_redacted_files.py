"""What files and sources bring is redacted before anything of it is kept, and matches what was served."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from pipelines.collect import collect
from pipelines.data_root import DataRoot
from pipelines.labelled import load
from pipelines.run import Run
from pipelines.score_rows import PROBLEM, ROW, RowScorer
from pipelines.sources.log import read_lessons
from serve_app.adapters.recorded_teacher import RecordedTeacher
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.core.answers import NoStudent, TeacherAnswer
from serve_app.core.events import LoggedPrediction
from serve_app.core.manifest import schema_version
from serve_app.core.platform import Platform
from serve_app.core.prompt import question
from serve_app.core.redact import redacted
from serve_app.core.schema import validate
from serve_app.core.use_case import RecordedProvider
from tests.fakes.seeded_tickets import Ticket, seeded_tickets
from tests.fakes.small_models import write_use_case
from tests.unit.test_collect import SHELLS, UNTIL, a_run

SOURCE = {"kind": "file", "name": "ours", "path": "more.csv"}
RAW: dict[str, Any] = {
    **SHELLS, "redaction": {}, "labelled": {"file": "own.csv"}, "retraining": {"sources": [SOURCE], "bad_share": 1},
}  # fmt: skip
TICKETS = seeded_tickets(40, seed=21, announced=1.0)


def persons(tickets: list[Ticket]) -> list[str]:
    return [value for ticket in tickets for value in (*ticket.values, *ticket.name.split())]


def held(folder: Path, tickets: list[Ticket]) -> list[str]:
    """Seeded values in any file of a folder; Parquet is read, since it packs its texts."""
    told = []
    for path in (each for each in folder.rglob("*") if each.is_file()):
        parquet = path.suffix == ".parquet"
        told.append(pd.read_parquet(path).to_json() if parquet else path.read_bytes().decode("utf-8", "replace"))
    text = "\n".join(told).replace("\\/", "/")
    return [value for value in persons(tickets) if value in text]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    configs, state = tmp_path / "configs", tmp_path / "state"
    folder = write_use_case(configs, "shells", RAW)
    rows = [{"size": n, "note": each.text, "sort": "clam"} for n, each in enumerate(TICKETS)]
    pd.DataFrame(rows[:20]).to_csv(folder / "own.csv", index=False)
    mixed_up = [{"size": TICKETS[0].text, "note": TICKETS[1].text, "sort": TICKETS[2].text}]
    pd.DataFrame([*rows[10:], *mixed_up]).to_csv(folder / "more.csv", index=False)
    return a_run(configs, state, "shells")


def test_nothing_that_is_collected_or_put_aside_holds_a_person(run: Run) -> None:
    came = collect(run, {})
    assert came["quarantined"] == 1
    assert list(run.state.rglob("quarantine/*.parquet"))
    assert held(run.state, TICKETS) == []


def test_what_is_learned_from_is_what_would_be_served_bit_for_bit(run: Run) -> None:
    collect(run, {})
    use_case = run.configured()
    labelled = load(use_case, run.folder, run.state, DataRoot(run.platform))
    assert labelled is not None
    instances = [{"size": n, "note": each.text} for n, each in enumerate(TICKETS)]
    served = redacted(use_case, validate(use_case.fields, instances))
    by_size = dict(zip(labelled.rows["size"].tolist(), labelled.rows["note"].tolist(), strict=True))
    assert len(labelled) == len(TICKETS), "rows of the own file that were collected since count once"
    assert by_size == dict(zip(served["size"].tolist(), served["note"].tolist(), strict=True))


def test_what_was_logged_before_the_use_case_asked_for_it_is_redacted_as_it_is_read(run: Run) -> None:
    use_case, log = run.configured(), open_event_log(Platform(state=str(run.state)).store, run.state)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    features = {"shell": None, "size": 1.0, "note": TICKETS[0].text}
    teacher = {"provider": "p", "model": "m", "label": "clam"}
    log.append(
        [
            LoggedPrediction(
                id="01A", use_case="shells", at=at, features=features, student=None, teacher=teacher, answer={},
                model_version=None, policy_version="p", schema_version=schema_version(use_case), propensity=1.0,
                cost_usd=0.0, latency_ms=1.0, request_id="r",
            )
        ]
    )  # fmt: skip
    log.close()
    collect(run, {})
    [statement] = read_lessons(DataRoot(run.platform), "shells", run.job_id)
    wanted = redacted(use_case, validate(use_case.fields, [{"size": 1, "note": TICKETS[0].text}])).record(0)
    assert json.loads(statement["features"]) == wanted
    assert at < UNTIL


class Unsure:
    version = "1"

    def answer(self, rows: Any) -> NoStudent:
        self.rows = rows
        return NoStudent(len(rows))


def test_a_table_is_scored_redacted_and_its_problems_are(run: Run) -> None:
    use_case, student, asked = run.configured(), Unsure(), []

    def ask(questions: Any) -> Any:
        asked.extend(questions)
        return [TeacherAnswer("p", "m", label="clam") for _ in questions]

    batch = pa.table({"size": [1.0, None], "note": [TICKETS[0].text, TICKETS[1].text]})
    told = RowScorer(use_case, student, None, ask)(batch).to_pylist()  # type: ignore[arg-type]
    assert [each[PROBLEM] for each in told] == [None, "size: missing"]
    texts = [student.rows["note"][0], asked[0].fields["note"], told[1][ROW]]
    assert not [value for value in persons(TICKETS[:2]) for text in texts if value in text]


def test_recorded_answers_are_found_by_redacted_questions(run: Run, tmp_path: Path) -> None:
    use_case = run.configured()
    pd.DataFrame({"note": [each.text for each in TICKETS[:5]], "llm_label": "snail"}).to_csv(tmp_path / "r.csv")
    teacher = RecordedTeacher.read(RecordedProvider(kind="recorded", file="r.csv", key=("note",)), use_case, tmp_path)
    rows = redacted(use_case, validate(use_case.fields, [{"size": 1, "note": TICKETS[3].text}]))
    reply = asyncio.run(teacher.answer(question(use_case, "", rows.record(0))))
    assert isinstance(reply, TeacherAnswer)
