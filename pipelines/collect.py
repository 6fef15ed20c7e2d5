"""Collecting: what the sources of a use case give, and what the log has learned, as files.

    python -m pipelines.collect NAME --days 7

Rows that cannot be used are quarantined; too many of them, and nothing of this collection is kept.
Collecting again under the same job gives the same files; an overlapping window is harmless (``raw_rows``).
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ulid import ULID

from pipelines import quarantine, raw_rows
from pipelines.data_root import DataRoot
from pipelines.labelled import misfits
from pipelines.quarantine import BadRow
from pipelines.run import Came, Outputs, Refusal, Run
from pipelines.sources.came import as_json
from pipelines.sources.log import keep_lessons
from pipelines.sources.read_source import read_source
from serve_app.adapters.config_files import load_platform
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.errors import UnderstudyError
from serve_app.core.frames import read_column
from serve_app.core.redact_frames import redacted_frame
from serve_app.core.use_case import NumericField, PanelMaker, UseCase

EARLIEST = date(1990, 1, 1)
"""A panel has a row for every day from its first one on: a slip in a year must not fill the memory."""

LOG = "log"
KEPT_SNAPSHOTS = 10


def collect(run: Run, came: Came) -> Outputs:
    """``params``: ``days``, instead of each source's own. Raises Refusal."""
    use_case, root = run.configured(), DataRoot(run.platform)
    good, bad = _read_all(run, use_case)
    kept = quarantine.keep(root, use_case.name, run.job_id, bad)
    rows = sum(map(len, good.values()))
    quarantine.refuse_too_many(rows, bad, use_case.retraining.bad_share, kept)
    sources = [_write(run, root, use_case, name, frame) for name, frame in good.items()]
    return {
        "sources": [*sources, _lessons(run, root, use_case)],
        "rows": rows,
        "quarantined": len(bad),
        "quarantine": kept,
        "path": root.address(use_case.name, "raw"),
    }


def _read_all(run: Run, use_case: UseCase) -> tuple[dict[str, pd.DataFrame], list[BadRow]]:
    good: dict[str, pd.DataFrame] = {}
    bad: list[BadRow] = []
    for source in use_case.retraining.sources:
        found = read_source(source, raw_rows.wanted(use_case), run.folder, run.params.get("days"), run.until)
        frame = redacted_frame(use_case, found.frame)
        why = _why_bad(use_case, source.name, frame, run.until)
        wrong = [_bad_row(source.name, frame, row, reason) for row, reason in sorted(why.items())]
        bad += quarantine.redacted(use_case, [*found.bad, *wrong])
        good[source.name] = frame.drop(index=list(why)).reset_index(drop=True)
    return good, bad


def _why_bad(use_case: UseCase, source: str, frame: pd.DataFrame, until: datetime) -> dict[int, str]:
    """By row, what keeps it from being learned from."""
    if len(frame) == 0:
        return {}
    required = _required(use_case)
    if missing := [name for name in required if name not in frame]:
        raise Refusal("source_failed", f"source {source}: it has no column {', '.join(missing)}")
    if use_case.feature_table is None:
        return misfits(use_case, frame)
    return _panel_misfits(use_case.feature_table.maker, frame, until)


def _required(use_case: UseCase) -> list[str]:
    if use_case.feature_table is not None:
        return raw_rows.wanted(use_case)
    return [n for n, f in use_case.features().items() if f.required and f.default is None] + [use_case.target.column]


def _panel_misfits(maker: PanelMaker, frame: pd.DataFrame, until: datetime) -> dict[int, str]:
    values, problems = read_column(NumericField(kind="numeric"), frame[maker.value])
    why = {row: f"{maker.value}: expected {expected}" for row, (_, expected) in problems.items()}
    why |= {int(row): f"{maker.value}: expected above 0" for row in np.flatnonzero(values <= 0)}
    last = until.astimezone(UTC).date()
    for row, (item, day) in enumerate(zip(frame[maker.item], frame[maker.day], strict=True)):
        if not item:
            why[row] = f"{maker.item}: missing"
        elif not _is_day(day, last):
            why[row] = f"{maker.day}: expected a day as YYYY-MM-DD from {EARLIEST} to {last}"
    return why


def _is_day(text: str | None, last: date) -> bool:
    """A moment counts as its day."""
    try:
        return EARLIEST <= date.fromisoformat((text or "")[:10]) <= last
    except ValueError:
        return False


def _bad_row(source: str, frame: pd.DataFrame, row: int, reason: str) -> BadRow:
    return BadRow(source, as_json(frame.iloc[row].to_dict()), reason)


def _write(run: Run, root: DataRoot, use_case: UseCase, name: str, frame: pd.DataFrame) -> dict[str, Any]:
    """A panel's rows lie under their own days, others under that of their collection."""
    at, days = (
        run.until.astimezone(UTC),
        np.full(len(frame), run.until.astimezone(UTC).date().isoformat(), dtype=object),
    )
    if use_case.feature_table is not None and len(frame):
        column = use_case.feature_table.maker.day
        frame = frame.assign(**{column: frame[column].str[:10]})
        days = frame[column].to_numpy(dtype=object)
    files = raw_rows.write(root, use_case.name, name, run.job_id, at.isoformat(), frame, days)
    return {"name": name, "rows": len(frame), "files": files}


def _lessons(run: Run, root: DataRoot, use_case: UseCase) -> dict[str, Any]:
    log = open_event_log(run.platform.store, run.state)
    try:
        rows, files = keep_lessons(root, use_case, log, run.job_id, run.until)
    finally:
        log.close()
    root.keep_newest(KEPT_SNAPSHOTS, use_case.name, "lessons", but=run.under_way())
    return {"name": LOG, "rows": rows, "files": files}


def main(arguments: list[str] | None = None) -> int:
    asked = _arguments(arguments)
    platform = load_platform(asked.configs / "platform.yaml", os.environ)
    platform = platform.model_copy(update={"state": str((asked.state or Path(platform.state)).resolve())})
    catalogue = UseCaseFolder(asked.configs.resolve() / "use_cases")
    params = {} if asked.days is None else {"days": asked.days}
    run = Run(str(ULID()), "preprocess", asked.name, params, "command", datetime.now(UTC), catalogue, platform)
    try:
        came = collect(run, {})
    except Refusal as refusal:
        print(f"{refusal.code}: {refusal}", file=sys.stderr)
        return 1
    for source in came["sources"]:
        print(f"{source['name']}: {source['rows']} rows in {source['files']} files")
    told = f"{came['quarantined']} rows cannot be used: {came['quarantine']}" if came["quarantined"] else "no bad rows"
    print(f"{told}; raw rows in {came['path']}")
    return 0


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipelines.collect", description=__doc__)
    parser.add_argument("name", help="a use case")
    parser.add_argument("--days", type=_positive, help="how far back to ask, instead of what the sources say")
    parser.add_argument("--configs", type=Path, default=Path("configs"))
    parser.add_argument("--state", type=Path, help="another state folder than platform.yaml's")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    days = int(text)
    if days < 1:
        raise argparse.ArgumentTypeError("expected a number of days above 0")
    return days


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
