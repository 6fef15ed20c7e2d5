"""Who scores: a process of its own, which imports no more than rows and a student need, so that it is soon up. It
reads a span of the table, answers it, writes its part, and tells what that comes to: no row travels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.data_root import DataRoot
from pipelines.quarantine import BadRow
from pipelines.score_changes import Summary
from pipelines.score_reading import Reader, Span
from pipelines.score_rows import PROBLEM, ROW, Ask, RowScorer, Tables
from pipelines.score_table import ScoreTable
from serve_app.adapters.garbage import collect_rarely
from serve_app.adapters.lean_import import import_lean
from serve_app.adapters.students import libraries, load_student
from serve_app.core.answers import ClassAnswers, StudentAnswers
from serve_app.core.cascade import CertifiedCascade
from serve_app.core.platform import Platform
from serve_app.core.standing import InForce, Standing, in_force
from serve_app.core.use_case import UseCase


@dataclass(frozen=True, slots=True)
class Setup:
    """What travels to whoever scores: pinned, so that all of them answer alike. ``bundle``: a reference;
    ``platform``: as it travels, without its keys; ``parts``: the folder of what is scored, below the data root."""

    table: ScoreTable
    parts: tuple[str, ...]
    platform: Platform
    use_case: UseCase
    version: str
    bundle: Any
    state: Path
    prompt: str
    teacher_deadline_s: float | None
    standing: Standing
    at: datetime

    def holds(self, answers: StudentAnswers) -> InForce | None:
        """As it stood when the run began: one run goes by one."""
        if not isinstance(self.use_case.cascade, CertifiedCascade) or not isinstance(answers, ClassAnswers):
            return None
        return in_force(answers.grounds and answers.grounds.certificate, self.standing, answers.classes, self.at)


@dataclass(frozen=True, slots=True)
class Scored:
    """What the span of that number came to."""

    number: int
    summary: Summary
    bad: list[BadRow]


class Scorer:
    """One in each of several processes; loads the student once. A span that is scored again is written again, the
    same."""

    def __init__(self, setup: Setup) -> None:
        import ray

        collect_rarely()
        bundle = ray.get(setup.bundle)
        import_lean(libraries(bundle)[0])
        student = load_student(bundle, setup.version)
        self._setup, self._root = setup, DataRoot(setup.platform)
        self._reader = Reader(setup.table.filesystem, setup.use_case.fields)
        self._rows = RowScorer(setup.use_case, student, _tables(setup), _ask(setup), setup.prompt, setup.holds)

    def score(self, span: Span) -> Scored:
        """Blocks. Raises Refusal for a file that is no table after all, and OSError for one that cannot be read now."""
        good, wrong = _parted(pa.concat_tables(map(self._rows, self._read(span))))
        self._root.write_table(good, *self._setup.parts, f"part-{span.number:05d}.parquet")
        summary = Summary(self._setup.use_case.scoring.key, self._setup.use_case.scoring.alert)
        summary.take(good)
        return Scored(
            span.number, summary, [BadRow(self._setup.table.shown, each[ROW], each[PROBLEM]) for each in wrong]
        )

    def _read(self, span: Span) -> Iterator[pa.Table]:
        try:
            yield from self._reader.read(span)
        except pa.ArrowException as error:
            raise self._setup.table.unreadable(span.file, error) from None
        except OSError as error:  # spoilt, or out of reach and there at the next attempt
            raise OSError(str(self._setup.table.unreadable(span.file, error))) from None


def _parted(scored: pa.Table) -> tuple[pa.Table, list[dict[str, Any]]]:
    good = scored.filter(pc.is_null(scored[PROBLEM])).drop_columns([PROBLEM, ROW])
    return good, scored.filter(pc.is_valid(scored[PROBLEM])).select([PROBLEM, ROW]).to_pylist()


def _tables(setup: Setup) -> Tables | None:
    table = setup.use_case.feature_table
    if table is None:
        return None
    from serve_app.adapters.parquet_feature_tables import ParquetFeatureTables, table_path

    return ParquetFeatureTables(lambda use_case: (table, table_path(setup.state, use_case, table)))


def _ask(setup: Setup) -> Ask | None:
    if setup.teacher_deadline_s is None:
        return None
    from pipelines.score_teacher import asking

    return asking(setup.platform, setup.use_case, setup.teacher_deadline_s, setup.at)
