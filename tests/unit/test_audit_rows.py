"""Audited rows: kept apart from the log to the dataset, and learned from by nobody."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.audit import Audit
from pipelines.collect import collect
from pipelines.data_root import DataRoot, put
from pipelines.dataset import TEACHER, open_dataset
from pipelines.prepare import prepare
from pipelines.run import Refusal, Run
from serve_app.core.events import Label
from tests.unit.test_collect import UNTIL, a_run
from tests.unit.test_prepare import asked_of_panel, configs, logged, panel, prepared, remember, said, sizes


def audit_of(run: Run) -> Audit:
    return prepared(run)[1].audit()


def test_audited_rows_and_rows_like_them_are_learned_from_by_nobody(tmp_path: Path) -> None:
    rows = "size,note,sort\n900,,clam\n3,,clam\n3,x,clam\n"
    run = a_run(configs(tmp_path, rows, gold_share=0.001), tmp_path, "shells")
    remember(
        run,
        [
            logged(run, 1, 1.0, teacher="snail"),
            logged(run, 2, 2.0, teacher="snail", audit_rate=0.1),
            logged(run, 3, 2.0, teacher="clam"),
            logged(run, 4, 3.0, teacher="clam", audit_rate=0.1),
            logged(run, 5, 4.0, teacher="snail", propensity=0.1),
        ],
    )
    came, dataset = prepared(run)
    learned = dataset.frame("learn")
    assert sorted(zip(learned["size"], learned["note"], strict=True)) == [
        (1.0, None), (3.0, "x"), (4.0, None), (900.0, None),
    ]  # fmt: skip
    assert (came["audit_rows"], came["skipped"]) == (2, {"audited": 2})
    assert dataset.manifest.audit == {"rows": 2, "teacher": 2, "person": 0}


def test_an_audited_row_has_its_answers_and_its_rate_each_time_it_was_asked(tmp_path: Path) -> None:
    run = a_run(configs(tmp_path, gold_share=0.001), tmp_path, "shells")
    asked = [
        logged(run, 1, 0.1 + 0.2, "big", "snail", audit_rate=0.02),
        logged(run, 2, 0.1 + 0.2, "big", "clam", audit_rate=0.5),
        logged(run, 3, None, None, audit_rate=0.5),
        logged(run, 4, 7.0, None, "snail", audit_rate=0.5, schema_version="old"),
        logged(run, 5, 8.0, None, "snail", audit_rate=0.5, at=UNTIL + timedelta(days=1)),
        logged(run, 6, 9.0, None, audit_rate=0.5),
        logged(run, 7, 9.0, None, "clam"),
    ]
    remember(run, asked, [said(2, "snail"), said(3, "clam"), said(3, "snail", minute=5), said(7, "snail")])
    audit = audit_of(run)
    assert audit.rows["size"].tolist()[:2] == [0.1 + 0.2] * 2
    assert math.isnan(audit.rows["size"][2])
    assert audit.rows["note"].tolist() == ["big", "big", None]
    assert audit.teacher.tolist() == ["snail", "clam", None]
    assert audit.person.tolist() == [None, "snail", "snail"], "the label of 7, which nobody audited, is not 6's"
    assert audit.rate.tolist() == [0.02, 0.5, 0.5]
    assert set(audit.day) == {"2026-03-03"}


def test_audited_rows_may_be_gold(tmp_path: Path) -> None:
    """Judging is not learning; and what the teacher said of a gold row is known."""
    run = a_run(configs(tmp_path, gold_share=0.5), tmp_path, "shells")
    asked = [logged(run, n, float(n), teacher="snail", audit_rate=0.1 if n % 2 else None) for n in range(40)]
    asked += [logged(run, 40 + n, float(40 + n)) for n in range(40)]
    remember(run, asked, [said(n, "clam") for n in range(80)])
    _, dataset = prepared(run)
    gold = dataset.frame("gold")
    assert {size for size in gold["size"] if size < 40 and size % 2}, "some of the audited rows"
    assert all(
        teacher == ("snail" if size < 40 else None) for size, teacher in zip(gold["size"], gold[TEACHER], strict=True)
    )
    assert all(size % 2 == 0 or size >= 40 for size in dataset.frame("learn")["size"])
    assert TEACHER not in dataset.frame("learn")


def test_the_same_job_again_gives_the_same_audit(tmp_path: Path) -> None:
    run = a_run(configs(tmp_path), tmp_path, "shells")
    asked = [logged(run, n, float(n), teacher="snail", audit_rate=0.1 if n % 3 else None) for n in range(30)]
    remember(run, asked)
    came, dataset = prepared(run)
    assert prepare(run, {}) == came
    first, second = dataset.audit(), open_dataset(came["dataset"], run.platform).audit()
    assert first.prediction.tolist() == second.prediction.tolist() == [f"{n:026d}" for n in range(30) if n % 3]


def test_a_dataset_of_before_has_no_audit_part(tmp_path: Path) -> None:
    run = a_run(configs(tmp_path), tmp_path, "shells")
    remember(run, [logged(run, n, size, teacher="snail") for n, size in enumerate(sizes(30))])
    came, dataset = prepared(run)
    raw = json.loads(DataRoot(run.platform).read("shells", "processed", run.job_id, "manifest.json"))
    assert raw.pop("audit") == {"rows": 0, "teacher": 0, "person": 0}
    put(dataset.filesystem, f"{dataset.path}/manifest.json", json.dumps(raw).encode())
    before = open_dataset(came["dataset"], run.platform)
    assert len(before.audit()) == 0
    assert before.audit().rows.names == ("size", "note")
    assert len(before.read("learn")) == came["learn_rows"]


def test_rows_that_were_audited_are_named_where_too_few_are_left(tmp_path: Path) -> None:
    run = a_run(configs(tmp_path, gold_share=0.001), tmp_path, "shells")
    remember(run, [logged(run, n, 1.0, teacher="snail", audit_rate=0.1 if n == 0 else None) for n in range(9)])
    collect(run, {})
    with pytest.raises(Refusal, match="skipped: 1 audited"):
        prepare(run, {})


def test_of_a_panel_too(tmp_path: Path) -> None:
    run = a_run(panel(tmp_path), tmp_path, "wares")
    remember(
        run,
        [
            asked_of_panel(run, 1, "a", "2026-01-25", 0.5, audit_rate=0.1),
            asked_of_panel(run, 2, "b", "2026-01-25", 0.7),
        ],
        [Label("l", f"{1:026d}", UNTIL - timedelta(hours=1), "kim", None, 99.0)],
    )
    came, dataset = prepared(run)
    assert 0.5 not in set(dataset.frame("learn")["market_price"])
    assert 0.7 in set(dataset.frame("learn")["market_price"])
    audit = dataset.audit()
    assert (audit.person.tolist(), math.isnan(audit.teacher[0]), came["skipped"]["audited"]) == ([99.0], True, 1)
