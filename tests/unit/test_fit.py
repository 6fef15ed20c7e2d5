from __future__ import annotations

import numpy as np
import pytest

from pipelines.evaluate import of_classes, of_values, pinball
from pipelines.fit import Fitted, fit, gold_share, part
from pipelines.held_out import conformal
from pipelines.labelled import LabelledRows
from pipelines.outcome import TrainFailure
from pipelines.split import apart, digest, folds, fractions, split, take
from pipelines.trees import Growing, Objective, Sample
from pipelines.trees_lightgbm import FIXED, STEADY, grow
from serve_app.core.answers import ClassAnswers, ValueAnswers
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.use_case import UseCase


def use_case(target: dict[str, object] | None = None, **student: object) -> UseCase:
    return UseCase.model_validate(
        {
            "name": "some",
            "title": "Some",
            "fields": {"x": {"kind": "numeric"}, "z": {"kind": "numeric", "required": False}},
            "target": target or {"kind": "classification", "column": "y", "classes": ["a", "b", "c"]},
            "student": {"kind": "lightgbm", "rounds": 60, "bags": 3, **student},
            "cascade": {"kind": "fixed"},
            "decision": {"kind": "label"},
        }
    )


def table(count: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    return Rows({"x": numeric_column(rng.normal(size=count).tolist()), "z": numeric_column([1.0] * count)})


def labels(rows: Rows) -> np.ndarray:
    return text_column(["abc"[int(value > -0.5) + int(value > 0.5)] for value in rows["x"]])


def panel(days: int, items: int = 4, horizon: int = 7) -> LabelledRows:
    day = np.repeat(np.datetime64("2024-01-01") + np.arange(days), items)
    return LabelledRows(table(len(day)), np.arange(len(day), dtype=float), time=day, horizon_days=horizon)


def test_gold_is_about_its_share_and_stays_gold_when_rows_are_added() -> None:
    few, many = table(2_000), table(2_000)
    more = Rows({name: np.concatenate((many[name], table(500, seed=1)[name])) for name in many.names})
    at_first = fractions(LabelledRows(few, labels(few)), ["x", "z"]) < 0.2
    later = fractions(LabelledRows(more, labels(more)), ["x", "z"])[:2_000] < 0.2
    assert (at_first == later).all()
    assert 0.16 < at_first.mean() < 0.24


def test_equal_rows_and_rows_of_a_group_stay_together() -> None:
    rows = table(300).take(np.repeat(np.arange(100), 3))
    learn, gold = split(LabelledRows(rows, labels(rows)), ["x", "z"], 0.3)
    assert not set(learn.rows["x"]) & set(gold.rows["x"])
    grouped = LabelledRows(table(300), labels(table(300)), group=np.repeat(np.arange(30), 10))
    learn, gold = split(grouped, ["x"], 0.3)
    assert not set(learn.group) & set(gold.group)  # type: ignore[arg-type]
    fold = folds(grouped, ["x"], 5)
    assert all(len(set(fold[grouped.group == group])) == 1 for group in range(30))


def test_gold_of_a_large_table_is_bounded_and_what_was_learned_from_never_enters_it() -> None:
    use_case = UseCase.model_validate(
        {
            "name": "small", "title": "small", "fields": {"x": {"kind": "numeric"}},
            "target": {"kind": "classification", "column": "y", "classes": ("a", "b", "c")},
            "student": {"kind": "lightgbm"}, "cascade": {"kind": "fixed"}, "decision": {"kind": "label"},
            "retraining": {"gold_most": 100},
        }
    )  # fmt: skip
    rows = table(4_000)
    every = LabelledRows(rows, labels(rows))
    few = take(every, np.arange(400))
    assert gold_share(use_case, few) == 0.2
    assert gold_share(use_case, every) == 0.025
    first_learned = set(split(few, ["x"], gold_share(use_case, few))[0].rows["x"])
    later_gold = set(split(every, ["x"], gold_share(use_case, every))[1].rows["x"])
    assert 50 < len(later_gold) < 200
    assert not first_learned & later_gold


def test_folds_have_the_same_mix_of_classes() -> None:
    rows = table(1_000)
    labelled = LabelledRows(rows, labels(rows))
    fold = folds(labelled, ["x"], 5)
    for name in "abc":
        counts = np.bincount(fold[labelled.target == name], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_a_panel_is_split_by_time_and_no_target_reaches_across() -> None:
    labelled = panel(100)
    learn, gold = split(labelled, ["x"], 0.2)
    assert learn.time is not None
    assert gold.time is not None
    assert learn.time.max() + np.timedelta64(7, "D") < gold.time.min()
    fold = folds(labelled, ["x"], 4)
    assert (np.diff(fold) >= 0).all()
    assert labelled.time is not None
    for held_out in range(4):
        seen, judged = labelled.time[apart(labelled, fold, held_out)], labelled.time[fold == held_out]
        assert np.abs((seen[:, None] - judged[None, :]).astype(int)).min() > 7


def test_digest_is_of_the_content_not_of_the_order() -> None:
    rows = table(50)
    order = np.random.default_rng(1).permutation(50)
    assert digest(rows, labels(rows)) == digest(rows.take(order), labels(rows)[order])
    changed = labels(rows)
    changed[0] = "other"
    assert digest(rows, labels(rows)) != digest(rows, changed)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_conformal_interval_holds_its_share_of_new_rows(share: float) -> None:
    """Whether the quantiles it starts from were too narrow or too wide."""
    rng = np.random.default_rng(2)
    truth = rng.normal(size=40_000)
    for half_width in (0.1, 4.0):
        low, high = np.full(20_000, -half_width), np.full(20_000, half_width)
        widen = conformal(low, high, truth[:20_000], share)
        inside = (truth[20_000:] >= low - widen) & (truth[20_000:] <= high + widen)
        assert inside.mean() == pytest.approx(share, abs=0.02)


def test_coverage_is_honest_on_gold() -> None:
    rng = np.random.default_rng(3)
    rows = table(3_000, seed=5)
    target = 10 + rows["x"] + rng.normal(size=3_000) * np.where(rows["x"] > 0, 2.0, 0.5)
    fitted = fit(use_case({"kind": "regression", "column": "y", "interval": 0.8}), LabelledRows(rows, target))
    assert isinstance(fitted, Fitted)
    assert fitted.metrics["coverage"] == pytest.approx(0.8, abs=0.05)
    assert fitted.metrics["mae"] < np.abs(target - np.median(target)).mean()


def test_what_cannot_be_learned_is_a_value() -> None:
    rows = table(200)
    few = take(LabelledRows(rows, labels(rows)), np.arange(15))
    one = LabelledRows(rows, text_column(["a"] * 200))
    assert isinstance(fit(use_case(), few), TrainFailure)
    found = fit(use_case(), one)
    assert isinstance(found, TrainFailure)
    assert "two classes" in found.reason


def test_gold_can_be_given() -> None:
    rows = table(200)
    parts = part(use_case(), LabelledRows(rows, labels(rows)), np.arange(40))
    assert not isinstance(parts, TrainFailure)
    assert list(parts.gold.rows["x"]) == list(rows["x"][:40])
    assert list(parts.learn.rows["x"]) == list(rows["x"][40:])


def test_the_defaults_hold_back_softmax_and_fix_the_order_of_sums() -> None:
    assert STEADY["reg_lambda"] >= 1
    assert FIXED["deterministic"] is True
    rows = table(400)
    number = {"a": 0, "b": 1, "c": 2}
    sample = Sample(
        np.stack([rows["x"], rows["z"]], axis=1).astype(np.float32),
        np.array([number[label] for label in labels(rows)]),
        None,
    )
    half = np.arange(400) % 2 == 0
    bags = [
        grow(
            sample.take(half), sample.take(~half),
            Growing(Objective("multiclass", 3), {}, rounds=20, patience=10, categorical=[], seed=1, threads=threads),
        )
        for threads in (1, 2)
    ]  # fmt: skip
    assert bags[0].text.split("parameters:")[0] == bags[1].text.split("parameters:")[0]
    assert (bags[0].held_out == bags[1].held_out).all()


def test_metrics_of_known_cases() -> None:
    answers = ClassAnswers(("a", "b"), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]), "1")
    metrics = of_classes(answers, text_column(["a", "b", "b", "b"]), positive="b")
    assert metrics["accuracy"] == 0.75
    assert metrics["recall.a"] == 1
    assert metrics["recall.b"] == pytest.approx(2 / 3)
    assert metrics["auc"] == 1
    values = ValueAnswers(np.array([10.0, 20.0]), np.array([9.0, 21.0]), np.array([12.0, 25.0]), "1")
    metrics = of_values(values, np.array([11.0, 20.0]), 0.8, baseline=np.array([14.0, np.nan]))
    assert metrics["mae"] == 0.5
    assert metrics["coverage"] == 0.5
    assert metrics["mae_baseline"] == 3
    assert pinball(np.array([1.0]), np.array([0.0]), 0.9) == pytest.approx(0.9)
    assert pinball(np.array([0.0]), np.array([1.0]), 0.9) == pytest.approx(0.1)
