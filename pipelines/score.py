"""Scoring a whole table with the champion, on the cluster: answers, decisions and alerts as the API gives
them, written back as Parquet, summed up, and compared with the run before.

    <root>/<use case>/scores/<job>/part-00000.parquet

Every row of a job is answered by one version: the champion of when it began.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines import quarantine
from pipelines.data_root import DataRoot
from pipelines.paid import PaidTeacher
from pipelines.quarantine import BadRow
from pipelines.registry import reach
from pipelines.run import Came, Outputs, Refusal, Run
from pipelines.score_changes import Summary, changes, run_before
from pipelines.score_rows import PROBLEM, ROW, Ask, RowScorer
from pipelines.score_table import ScoreTable, find
from serve_app.adapters.budgets import open_budget
from serve_app.adapters.parquet_feature_tables import ParquetFeatureTables, table_path
from serve_app.adapters.prompts import Prompts
from serve_app.adapters.sql_reports import open_reports
from serve_app.adapters.students import load_student
from serve_app.core.answers import ClassAnswers, Question, StudentAnswers, TeacherFailure, TeacherReply
from serve_app.core.budget import limits_of
from serve_app.core.bundle import check
from serve_app.core.cascade import CertifiedCascade
from serve_app.core.errors import BadBundle, UnderstudyError
from serve_app.core.jobs import Report
from serve_app.core.platform import Platform
from serve_app.core.ports import Bundle, Version
from serve_app.core.standing import KIND as STANDING
from serve_app.core.standing import InForce, Standing, in_force
from serve_app.core.tariff import Flat
from serve_app.core.use_case import FeatureTable, UseCase

BATCH_ROWS, PART_ROWS = 4096, 65_536
SCORER_CPUS, MOST_SCORERS = 0.1, 8
"""As little as a part of serving asks for: beside it and a training there may be no whole core left."""

EACH = 4_000_000
"""Bytes of files that are worth a scorer from the beginning; Ray Data starts another only once the first is busy, which
is six seconds later."""

QUESTIONS = 64
"""Deferred rows that the teacher is asked about at once, within one deadline."""

MARGIN_S = 5.0

TEACHER = ("Teacher", "understudy")
"""Deployment and application of the serving side: the name crosses, no import."""

KIND = "score"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Setup:
    """What travels to whoever scores: pinned, so that all of them answer alike. ``bundle``: a reference;
    ``platform``: as it travels, without its keys."""

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


class Scorer:
    """One on each of several processes; loads the student once."""

    def __init__(self, setup: Setup) -> None:
        import ray

        use_case = setup.use_case
        student = load_student(ray.get(setup.bundle), setup.version)
        tables = None
        if use_case.feature_table is not None:
            tables = ParquetFeatureTables(partial(_table, use_case.feature_table, setup.state))
        ask = None if setup.teacher_deadline_s is None else _asking(setup, setup.teacher_deadline_s)
        self._score = RowScorer(use_case, student, tables, ask, setup.prompt, setup.holds)

    def __call__(self, batch: pa.Table) -> pa.Table:
        return self._score(batch)


def score(run: Run, came: Came) -> Outputs:
    """``params``: ``path``, instead of ``scoring.path``; ``teacher``: true asks it about deferred rows.
    Raises Refusal."""
    use_case, root = run.configured(), DataRoot(run.platform)
    table = find(run, use_case, root)
    champion, bundle = _champion(run, use_case)
    root.delete_folder(use_case.name, "scores", run.job_id)
    summary, bad = Summary(use_case.scoring.key, use_case.scoring.alert), []
    for number, block in enumerate(_gathered(_scored(run, use_case, table, champion, bundle))):
        good, wrong = _parted(table.shown, block)
        bad += wrong
        root.write_table(good, use_case.name, "scores", run.job_id, f"part-{number:05d}.parquet")
        summary.take(good.select([name for name in good.column_names if name in summary.columns]).to_pydict())
        _tell(run, f"{summary.rows} rows scored")
    kept = quarantine.keep(root, use_case.name, run.job_id, bad)
    if bad and not summary.rows:
        quarantine.refuse_too_many(0, bad, 0.0, kept)
    outputs = {
        "path": root.address(use_case.name, "scores", run.job_id),
        "rows": summary.rows,
        "quarantined": len(bad),
        "actions": dict(sorted(summary.actions.items())),
        "alerts": summary.alerts,
        "changes": _compared(run, use_case, root, table, summary),
        "version": champion.version,
    }
    _report(run, {**outputs, "table": table.shown, "quarantine": kept, "alert_rows": summary.alert_rows})
    return outputs


def _champion(run: Run, use_case: UseCase) -> tuple[Version, Bundle]:
    registry = reach(run.platform)
    champion = registry.aliased(use_case.name, "champion")
    if champion is None:
        raise Refusal("no_champion", f"{use_case.name} has no champion yet to score with")
    bundle = registry.fetch(use_case.name, champion.version)
    try:
        check(bundle, use_case)
    except BadBundle as error:
        raise Refusal("champion_does_not_fit", f"version {champion.version}: {error}") from None
    return champion, bundle


def _standing(run: Run, use_case: UseCase, version: str) -> Standing:
    if not isinstance(use_case.cascade, CertifiedCascade):
        return Standing(version)
    reports = open_reports(run.platform.store, run.state)
    try:
        report = reports.latest(use_case.name, STANDING)
    finally:
        reports.close()
    return Standing(version) if report is None else Standing.from_dict(report.content).of(version)


def _scored(run: Run, use_case: UseCase, table: ScoreTable, champion: Version, bundle: Bundle) -> Iterator[pa.Table]:
    """Blocks of scored rows, in the order of the table."""
    import ray
    from ray.data import ActorPoolStrategy

    deadline_s, prompt = None, ""
    if run.params.get("teacher"):
        deadline_s, prompt = run.platform.teacher.deadline_s, Prompts(run.catalogue).of(use_case.name)
        _teacher()
    setup = Setup(
        run.platform, use_case, champion.version, ray.put(dict(bundle)), run.state.absolute(), prompt, deadline_s,
        _standing(run, use_case, champion.version), datetime.now(UTC),
    )  # fmt: skip
    most = max(1, min(int(ray.cluster_resources().get("CPU", 1)), MOST_SCORERS))
    at_once = max(1, min(most, table.size() // EACH))
    scored = table.dataset().map_batches(
        Scorer, fn_constructor_args=(setup,), batch_size=BATCH_ROWS, batch_format="pyarrow", zero_copy_batch=True,
        num_cpus=SCORER_CPUS, compute=ActorPoolStrategy(min_size=1, initial_size=at_once, max_size=most),
    )  # fmt: skip
    scored.context.enable_progress_bars = False
    scored.context.execution_options.preserve_order = True
    yield from scored.iter_batches(batch_size=None, batch_format="pyarrow")


def _gathered(blocks: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """As many as make a file worth its writing."""
    some: list[pa.Table] = []
    for block in blocks:
        some.append(block)
        if sum(map(len, some)) >= PART_ROWS:
            yield pa.concat_tables(some)
            some = []
    if some:
        yield pa.concat_tables(some)


def _parted(source: str, block: pa.Table) -> tuple[pa.Table, list[BadRow]]:
    good = block.filter(pc.is_null(block[PROBLEM])).drop_columns([PROBLEM, ROW])
    wrong = block.filter(pc.is_valid(block[PROBLEM])).select([PROBLEM, ROW]).to_pylist()
    return good, [BadRow(source, each[ROW], each[PROBLEM]) for each in wrong]


def _compared(run: Run, use_case: UseCase, root: DataRoot, table: ScoreTable, now: Summary) -> dict[str, Any]:
    """With the newest run before that scored the same table; without a key, rows cannot be told apart."""
    before = _before(run, table)
    if before is None:
        return {"since": None}
    told = {"since": before.id, "at": before.at.isoformat(), "version": before.content["version"]}
    key = use_case.scoring.key
    files = root.files(use_case.name, "scores", before.id)
    if key is None or not files:
        return told
    actions: dict[str, str] = {}
    for parts in files:
        found = root.read_table(*parts)
        if key in found.column_names:
            actions |= {str(k): a for k, a in zip(*(found[n].to_pylist() for n in (key, "action")), strict=True) if k}
    return {**told, **changes(actions, now.by_key, now.alert)}


def _before(run: Run, table: ScoreTable) -> Report | None:
    reports = open_reports(run.platform.store, run.state)
    try:
        return run_before(reports.newest(run.use_case, KIND), run.job_id, table.shown)
    finally:
        reports.close()


def _report(run: Run, content: dict[str, Any]) -> None:
    """Under the job's id and at its moment, so that a repeated step changes nothing."""
    reports = open_reports(run.platform.store, run.state)
    try:
        reports.put(Report(run.job_id, run.use_case, KIND, run.until, content))
    finally:
        reports.close()


def _tell(run: Run, detail: str) -> None:
    with suppress(UnderstudyError):  # progress is a courtesy
        run.tell(None, detail)


def _table(table: FeatureTable, state: Path, use_case: str) -> tuple[FeatureTable, Path]:
    return table, table_path(state, use_case, table)


def _teacher() -> Any:
    from ray.serve.exceptions import RayServeException

    from pipelines.handles import blocking_handle

    try:
        return blocking_handle(*TEACHER)
    except (KeyError, RayServeException):
        raise Refusal("teacher_away", "the serving application, which asks the teacher, does not run") from None


def _asking(setup: Setup, deadline_s: float) -> Ask:
    """Whatever goes wrong with the teacher is an answer not given, as over the API; and what cannot be paid."""
    from ray.exceptions import RayError
    from ray.serve.exceptions import RayServeException

    handle, use_case = _teacher(), setup.use_case.name
    limited = limits_of(setup.use_case.budget, use_case, None, setup.at)
    tariff = handle.tariff.remote(use_case).result(timeout_s=deadline_s + MARGIN_S) if limited else Flat()

    def at_once(questions: list[Question]) -> list[TeacherReply]:
        try:
            came = handle.answer.remote(use_case, questions, deadline_s)
            return list(came.result(timeout_s=deadline_s + MARGIN_S))
        except (RayError, RayServeException, TimeoutError) as error:
            log.warning("the teacher of %s could not be asked: %s", use_case, type(error).__name__)
            return [TeacherFailure("connection_error")] * len(questions)

    opened, now = partial(open_budget, setup.platform), partial(datetime.now, UTC)
    paid = PaidTeacher(setup.use_case, at_once, tariff, opened, now)

    def ask(questions: list[Question]) -> list[TeacherReply]:
        blocks = (questions[begin : begin + QUESTIONS] for begin in range(0, len(questions), QUESTIONS))
        return [reply for block in blocks for reply in paid(block)]

    return ask
