"""What was said of answered predictions, as the log has it at one moment: a file that later steps read.

    <root>/<use case>/lessons/<job>/day=YYYY-MM-DD/part-00000.parquet

One row a statement: a person's label, or the teacher's answer, with the features as they were logged.
A panel also needs those of predictions that nobody spoke about (``origin`` ``logged``), since its
labels come from its own future. ``audit_rate``: the rate under which chance chose the prediction for
audit, null for others: of those nobody learns (``pipelines/audit.py``).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from pipelines.data_root import DataRoot
from serve_app.core.events import LoggedPrediction
from serve_app.core.ports import EventLog, Lesson
from serve_app.core.redact import redacted_record
from serve_app.core.use_case import UseCase

LOGGED = "logged"
PAGE = 1000
PAGES_A_FILE = 50

SCHEMA = pa.schema(
    [
        ("prediction", pa.string()), ("at", pa.string()), ("schema_version", pa.string()), ("features", pa.string()),
        ("origin", pa.string()), ("by", pa.string()), ("id", pa.string()), ("said_at", pa.string()),
        ("label", pa.string()), ("value", pa.float64()), ("audit_rate", pa.float64()),
    ]
)  # fmt: skip

Statement = dict[str, Any]


def keep_lessons(root: DataRoot, use_case: UseCase, log: EventLog, job_id: str, until: datetime) -> tuple[int, int]:
    """Gives the number of statements and of files. The same ``until`` gives the same files."""
    root.delete_folder(use_case.name, "lessons", job_id)
    count = files = 0
    for number, statements in enumerate(_batches(use_case, log, until)):
        by_day: dict[str, list[Statement]] = defaultdict(list)
        for each in statements:
            by_day[each["at"][:10]].append(each)
        for day, rows in sorted(by_day.items()):
            table = pa.Table.from_pylist(rows, schema=SCHEMA)
            root.write_table(table, use_case.name, "lessons", job_id, f"day={day}", f"part-{number:05d}.parquet")
        count, files = count + len(statements), files + len(by_day)
    return count, files


def read_lessons(root: DataRoot, use_case: str, job_id: str) -> Iterator[Statement]:
    for parts in root.files(use_case, "lessons", job_id):
        yield from root.read_table(*parts).to_pylist()


def _batches(use_case: UseCase, log: EventLog, until: datetime) -> Iterator[list[Statement]]:
    batch: list[Statement] = []
    for number, page in enumerate(_statements(use_case, log, until), start=1):
        batch += page
        if number % PAGES_A_FILE == 0:
            yield batch
            batch = []
    if batch:
        yield batch


def _statements(use_case: UseCase, log: EventLog, until: datetime) -> Iterator[list[Statement]]:
    for lessons in _paged(
        lambda after: log.lessons(use_case.name, until, after, PAGE), lambda last: last.prediction.id
    ):
        yield [each for lesson in lessons for each in _of_lesson(use_case, lesson)]
    if use_case.feature_table is not None:
        for page in _paged(lambda after: log.page(use_case.name, None, after, PAGE), lambda last: last.id):
            yield [_of(use_case, one, LOGGED, "", one.id, one.at) for one in page if one.at <= until]


def _paged(page: Any, last_id: Any) -> Iterator[Sequence[Any]]:
    after: str | None = None
    while found := page(after):
        yield found
        after = last_id(found[-1])


def _of_lesson(use_case: UseCase, lesson: Lesson) -> Iterator[Statement]:
    prediction = lesson.prediction
    if (told := prediction.teacher) is not None:
        by = f"{told.get('provider')}:{told.get('model')}"
        said = _of(use_case, prediction, "teacher", by, prediction.id, prediction.at)
        yield {**said, "label": told.get("label"), "value": told.get("value")}
    for label in lesson.labels:
        said = _of(use_case, prediction, "person", label.by, label.id, label.at)
        yield {**said, "label": label.label, "value": label.value}


def _of(
    use_case: UseCase, prediction: LoggedPrediction, origin: str, by: str, said_id: str, said_at: datetime
) -> Statement:
    """Redacted again, since the row may have been logged before the use case asked for it."""
    return {
        "prediction": prediction.id,
        "at": prediction.at.isoformat(),
        "schema_version": prediction.schema_version,
        "features": json.dumps(redacted_record(use_case, prediction.features)),
        "origin": origin,
        "by": by,
        "id": said_id,
        "said_at": said_at.isoformat(),
        "label": None,
        "value": None,
        "audit_rate": prediction.audit_rate,
    }
