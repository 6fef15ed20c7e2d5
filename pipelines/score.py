"""Scoring a whole table with the champion, on the cluster: answers, decisions and alerts as the API gives
them, written back as Parquet, summed up, and compared with the run before.

    <root>/<use case>/scores/<job>/part-00000.parquet

Every row of a job is answered by one version: the champion of when it began.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from pipelines import quarantine
from pipelines.data_root import DataRoot
from pipelines.registry import reach
from pipelines.run import Came, Outputs, Refusal, Run
from pipelines.score_changes import Summary, actions, changes, run_before
from pipelines.score_table import ScoreTable, find
from pipelines.score_teacher import teacher
from pipelines.scorer import Scored, Scorer, Setup
from serve_app.adapters.prompts import Prompts
from serve_app.adapters.sql_reports import open_reports
from serve_app.core.bundle import check
from serve_app.core.cascade import CertifiedCascade
from serve_app.core.errors import BadBundle, UnderstudyError
from serve_app.core.jobs import Report
from serve_app.core.ports import Bundle, Version
from serve_app.core.standing import KIND as STANDING
from serve_app.core.standing import Standing
from serve_app.core.use_case import UseCase

SCORER_CPUS, MOST_SCORERS = 0.1, 8
"""As little as a part of serving asks for: beside it and a training there may be no whole core left."""

LOSSES = 3
"""How often a scorer may be lost before the run is."""

SPAN_ROWS, ASKED_ROWS = 65_536, 4_096
"""Rows that are scored at a time, and written to a file. Fewer where the teacher is asked: what is lost with a scorer
has been paid for."""

KIND = "score"

log = logging.getLogger(__name__)


def score(run: Run, came: Came) -> Outputs:
    """``params``: ``path``, instead of ``scoring.path``; ``teacher``: true asks it about deferred rows.
    Raises Refusal."""
    use_case, root = run.configured(), DataRoot(run.platform)
    table = find(run, use_case, root)
    champion, bundle = _champion(run, use_case)
    root.delete_folder(use_case.name, "scores", run.job_id)
    summary, bad = Summary(use_case.scoring.key, use_case.scoring.alert), []
    for part in _scored(run, use_case, table, champion, bundle):
        summary.add(part.summary)
        bad += part.bad
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
        "changes": _compared(run, use_case, root, table),
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


def _scored(run: Run, use_case: UseCase, table: ScoreTable, champion: Version, bundle: Bundle) -> Iterator[Scored]:
    """In the order of the table. A scorer that is lost is begun anew, and what it was at is done again."""
    import ray
    from ray.exceptions import RayTaskError
    from ray.util import ActorPool

    asked, deadline_s, prompt = bool(run.params.get("teacher")), None, ""
    if asked:
        deadline_s, prompt = run.platform.teacher.deadline_s, Prompts(run.catalogue).of(use_case.name)
        teacher()
    spans = table.spans(ASKED_ROWS if asked else SPAN_ROWS)
    setup = Setup(
        table, (use_case.name, "scores", run.job_id), run.platform, use_case, champion.version, ray.put(dict(bundle)),
        run.state.absolute(), prompt, deadline_s, _standing(run, use_case, champion.version), datetime.now(UTC),
    )  # fmt: skip
    cores = int(ray.cluster_resources().get("CPU", 1))
    begun = ray.remote(num_cpus=SCORER_CPUS, max_restarts=LOSSES, max_task_retries=LOSSES)(Scorer)
    scorers = [begun.remote(setup) for _ in range(max(1, min(cores, MOST_SCORERS, len(spans))))]
    try:
        yield from _in_order(ActorPool(scorers).map_unordered(lambda scorer, span: scorer.score.remote(span), spans))
    except RayTaskError as error:  # as it was raised there, and not with all of a remote traceback
        raise error.cause from None
    finally:
        for scorer in scorers:
            ray.kill(scorer)


def _in_order(came: Iterable[Scored]) -> Iterator[Scored]:
    """Nobody waits for a slower one before he begins the next."""
    early: dict[int, Scored] = {}
    number = 0
    for part in came:
        early[part.number] = part
        while number in early:
            yield early.pop(number)
            number += 1


def _compared(run: Run, use_case: UseCase, root: DataRoot, table: ScoreTable) -> dict[str, Any]:
    """With the newest run before that scored the same table; without a key, rows cannot be told apart."""
    before = _before(run, table)
    if before is None:
        return {"since": None}
    told = {"since": before.id, "at": before.at.isoformat(), "version": before.content["version"]}
    key = use_case.scoring.key
    if key is None or not root.files(use_case.name, "scores", before.id):
        return told
    then, now = (actions(_written(root, use_case.name, job), key) for job in (before.id, run.job_id))
    return {**told, **changes(then, now, use_case.scoring.alert)}


def _written(root: DataRoot, use_case: str, job: str) -> Iterator[pa.Table]:
    return (root.read_table(*parts) for parts in root.files(use_case, "scores", job))


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
