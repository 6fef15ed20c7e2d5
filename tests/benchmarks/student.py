"""What one prediction costs inside a replica, stage by stage, beside LightGBM's own ``Booster.predict``.

    python -m tests.benchmarks.student [--rounds 9] [--json FILE]

Two students: ``numeric``, 200 trees of 31 leaves on 30 columns, and ``text``, that of ``it_tickets``. Every call
has rows that the last one had not, since a processor learns the branches of a row that is asked for again.
Microseconds of a processor a call, the best of the rounds, which are interleaved: anything but the best measures
the neighbours. ``bare`` is ``Booster.predict`` on the matrix, all bags of it; ``x`` is over that. ``compiled`` and
``answer, compiled`` are ``trees`` and ``answer`` by machine code, after it was made as in a replica.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from rich.console import Console
from rich.table import Table

from pipelines.fit import Fitted, fit
from pipelines.labelled import load
from serve_app.adapters.boosted_student import BoostedStudent, class_answers
from serve_app.adapters.compiled_forest import CompiledForest
from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.lightgbm_student import LightGBMStudent
from serve_app.adapters.tree_tables import TreeTables
from serve_app.core import cascade
from serve_app.core.answers import Act, Verdict
from serve_app.core.decision import decide_all
from serve_app.core.features import Featuriser, NumericSetup
from serve_app.core.ports import Asked
from serve_app.core.rows import Rows
from serve_app.core.serving import Cascaded
from serve_app.core.student_file import paired
from serve_app.core.use_case import Classification, UseCase
from serve_app.core.write_down import Abouts, Written, write_down

ROOT = Path(__file__).resolve().parents[2]
SIZES = (1, 16, 128, 1000)
POOL = 4096
TREES, COLUMNS, LEAVES = 200, 30, 31
BURST_S = 0.05

Stage = Callable[[int], object]
"""Does its work for the batch of that number."""


@dataclass(frozen=True, slots=True)
class World:
    """One student, its bags as LightGBM has them, and rows to ask it about."""

    name: str
    use_case: UseCase
    student: BoostedStudent
    quick: BoostedStudent
    boosters: Sequence[lgb.Booster]
    rows: Rows


def numeric() -> World:
    rng = np.random.default_rng(1)
    data = rng.normal(size=(20_000, COLUMNS))
    score = data[:, 0] * data[:, 1] + data[:, 2] + np.sin(3 * data[:, 3]) + rng.normal(0, 0.5, len(data))
    names = [f"n{column}" for column in range(COLUMNS)]
    settings = {"objective": "binary", "num_leaves": LEAVES, "verbosity": -1, "num_threads": 2}
    text = lgb.train(settings, lgb.Dataset(data, (score > 0).astype(int)), TREES).model_to_string()
    use_case = UseCase.model_validate(
        {
            "name": "numbers",
            "title": "Numbers",
            "fields": {name: {"kind": "numeric"} for name in names},
            "target": {"kind": "classification", "column": "y", "classes": ["no", "yes"], "positive": "yes"},
            "student": {"kind": "lightgbm"},
            "cascade": {"kind": "fixed", "threshold": 0.5},
            "decision": {"kind": "label"},
        }
    )
    setup = {"kind": "classes", "labels": ["no", "yes"], "bags": 1, "prior": None, "calibration": {"kind": "scaling"}}
    features = Featuriser(tuple(NumericSetup(name=name) for name in names), {})
    files = {**features.files(), "student.json": json.dumps(setup).encode(), "trees-classes-0.txt": text.encode()}
    asked = rng.normal(size=(POOL, COLUMNS))
    return _world("numeric", use_case, files, Rows({name: asked[:, at].copy() for at, name in enumerate(names)}))


def text() -> World:
    folder = ROOT / "configs" / "use_cases" / "it_tickets"
    use_case = load_use_case(folder)
    labelled = load(use_case, folder, ROOT)
    assert labelled is not None
    fitted = fit(use_case, labelled)
    assert isinstance(fitted, Fitted)
    asked = np.random.default_rng(1).integers(0, len(labelled), POOL)
    return _world("text", use_case, dict(fitted.files), labelled.rows.take(asked))


def _world(name: str, use_case: UseCase, files: dict[str, bytes], rows: Rows) -> World:
    student = LightGBMStudent.read(files, use_case.target, "1")
    bags = [lgb.Booster(model_str=files[each].decode()) for each in sorted(files) if each.startswith("trees-")]
    tables = TreeTables.of([bag.model_to_string().encode() for bag in bags])
    quick = student.with_trees({"classes": CompiledForest(tables, student.trees["classes"])})
    return World(name, use_case, student, quick, bags, rows)


def stages(world: World, size: int) -> dict[str, Stage]:
    """Each on its own, with what the one before has made."""
    student, quick, use_case, target = world.student, world.quick, world.use_case, world.use_case.target
    assert isinstance(target, Classification)
    featuriser, setup = student._featuriser, student._setup
    features = list(use_case.features())
    whole = [world.rows.take(range(at, at + size)) for at in range(0, POOL - size + 1, size)]
    batches = [rows.select(features) for rows in whole]
    matrices = [featuriser.matrix(rows) for rows in batches]
    scores = [paired(student._log_odds(setup, matrix)) for matrix in matrices]
    answers = [student.answer(rows) for rows in batches]
    settled = [_settle(use_case, *pair) for pair in zip(answers, whole, strict=True)]
    about = Abouts().of(use_case)
    ids, at = [f"{number:026d}" for number in range(size)], datetime(2026, 1, 2, tzinfo=UTC)

    def bare(i: int) -> object:
        return [booster.predict(matrices[i], raw_score=True, num_threads=1) for booster in world.boosters]

    def written(i: int) -> object:
        came = Cascaded(answers[i], {}, *settled[i], np.zeros(size), "sha256:policy")
        return write_down(about, list(whole[i].records()), came, Asked("r", None), Written(ids, at, 1.0))

    made: dict[str, Stage] = {
        "bare": bare,
        "answer": lambda i: student.answer(batches[i]),
        "features": lambda i: featuriser.matrix(batches[i]),
        "trees": lambda i: student._raw(student.trees["classes"], matrices[i]),
        "compiled": lambda i: student._raw(quick.trees["classes"], matrices[i]),
        "answer, compiled": lambda i: quick.answer(batches[i]),
        "calibration": lambda i: class_answers(target, setup, scores[i], "1"),
        "settle+decide": lambda i: _settle(use_case, answers[i], whole[i]),
        "write_down": written,
    }
    return {name: _turning(stage, len(whole)) for name, stage in made.items()}


def _settle(use_case: UseCase, answers: Any, rows: Rows) -> tuple[list[Verdict], list[Act]]:
    cascade.should_defer(use_case.cascade, answers)
    positive = use_case.target.positive if isinstance(use_case.target, Classification) else None
    verdicts = cascade.settle(use_case.cascade, answers, {}, 0.9, positive)
    return verdicts, decide_all(use_case.decision, verdicts, rows)


def _turning(stage: Stage, count: int) -> Stage:
    return lambda turn: stage(turn % count)


def measure(made: dict[str, Stage], rounds: int) -> dict[str, float]:
    """Microseconds a call by stage, the best of ``rounds``."""
    best = dict.fromkeys(made, float("inf"))
    turn = 0
    for _ in range(rounds):
        for name, stage in made.items():
            started, calls = time.process_time(), 0
            while (taken := time.process_time() - started) < BURST_S or calls < 3:
                stage(turn)
                turn, calls = turn + 1, calls + 1
            best[name] = min(best[name], taken / calls * 1e6)
    return best


def measured(rounds: int) -> Iterator[dict[str, Any]]:
    for world in (numeric(), text()):
        for size in SIZES:
            yield {"student": world.name, "rows": size, **measure(stages(world, size), rounds)}


def shown(found: Sequence[dict[str, Any]]) -> Table:
    columns = [key for key in found[0] if key not in ("student", "rows")]
    table = Table("student", "rows", *columns, "answer x", title="microseconds a call")
    for each in found:
        cells = [f"{each[column]:.0f}" for column in columns]
        table.add_row(each["student"], str(each["rows"]), *cells, f"{each['answer'] / each['bare']:.2f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.student", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found = list(measured(asked.rounds))
    Console(width=160).print(shown(found))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
