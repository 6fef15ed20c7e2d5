"""banking77 with the recorded answers of an LLM: what a cascade comes to from a cold start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from serve_app.core.answers import NoStudent, StudentAnswers
from serve_app.core.arbitration import Arbiter
from serve_app.core.cascade import Cascade, CertifiedCascade, FixedCascade, chosen, should_defer
from serve_app.core.certificate import Certificate
from serve_app.core.grounds import Grounds
from serve_app.core.recheck import recheck
from serve_app.core.standing import InForce, Standing, in_force
from serve_app.core.use_case import UseCase
from tests.benchmarks.cascade_rules import (
    DATA,
    NOW,
    RULES,
    Bools,
    Labels,
    Record,
    answers_of,
    arbiter_of,
    certificate_of,
    evidence_of,
    fixed,
    settled,
    student_of,
    use_case_of,
)

ROWS, ROUND, RETRAIN_EVERY = 4000, 250, 1000
SINCE = "1000 on"
THRESHOLDS = (0.5, 0.65, 0.8, 0.9)
AUDIT = 0.1
TARGETS = (0.8, 0.9)
"""Agreement with the LLM, which is itself right on 83 %: much more is not to be had of it."""

Students = dict[bytes, Any]
"""By the rows that they have learned from."""


@dataclass
class Stream:
    """What one cascade has seen of a stream: by row, whether the teacher was asked, whether it was audited, and
    what was answered under each rule of arbitration (the teacher is asked the same under all of them).
    ``people``: the rows that people label as gold."""

    table: pd.DataFrame
    people: Bools
    asked: list[bool] = field(default_factory=list)
    audited: list[bool] = field(default_factory=list)
    said: dict[str, list[str]] = field(default_factory=dict)

    def seen(self) -> pd.DataFrame:
        return self.table.iloc[: len(self.asked)]


def banking77(seed: int) -> list[Record]:
    table = pd.read_parquet(DATA / "banking77" / "recorded_llm.parquet")
    table = table.sample(ROWS, random_state=seed).reset_index(drop=True)
    people = np.random.default_rng([seed, 2]).random(len(table)) < 0.1
    use_case = use_case_of("banking77", sorted(table["label"].unique()), seed)
    students: Students = {}
    policies: list[Cascade] = [fixed(threshold) for threshold in THRESHOLDS]
    policies += [
        CertifiedCascade(kind="certified", target=target, per_class=False, audit_rate=AUDIT) for target in TARGETS
    ]
    played = [(policy, _played(seed, use_case, policy, Stream(table, people), students)) for policy in policies]
    return [each for policy, stream in played for each in _told(seed, policy, stream)]


def _played(seed: int, use_case: UseCase, policy: Cascade, stream: Stream, students: Students) -> Stream:
    chance, student, number, since = np.random.default_rng([seed, 3]), None, 0, 0
    made: Certificate | None = None
    arbiter: Arbiter | None = None
    standing = Standing("none")
    while len(stream.asked) < len(stream.table):
        first = len(stream.asked)
        if first and first % RETRAIN_EVERY == 0:
            student, number, since = _retrained(use_case, stream, students), number + 1, first
            standing = Standing(str(number))
            made, arbiter = _grounds(policy, stream, student, number)
        part = stream.table.iloc[first : first + ROUND]
        answers: StudentAnswers = NoStudent(len(part))
        force = None
        if student is not None:
            answers = replace(answers_of(student, part["text"]), grounds=Grounds(made, arbiter))
            force = in_force(made, standing, answers.classes, NOW)
        _round(policy, stream, part, answers, force, chosen(policy, chance.random(len(part))))
        if made is not None and isinstance(policy, CertifiedCascade):
            standing = replace(standing, withdrawn=_withdrawn(made, stream, student, since))
    return stream


def _round(
    policy: Cascade, stream: Stream, part: pd.DataFrame, answers: StudentAnswers, force: InForce | None, audited: Bools
) -> None:
    teacher, asked = part["llm_label"].to_numpy(dtype=object), np.ones(len(part), dtype=bool)
    for rule in RULES:
        ruled = policy.model_copy(update={"arbitration": rule})
        said, asked = settled(ruled, answers, teacher, 0.83, force, audited)
        stream.said.setdefault(rule, []).extend(said.tolist())
    stream.asked += asked.tolist()
    stream.audited += audited.tolist()


def _retrained(use_case: UseCase, stream: Stream, students: Students) -> Any:
    """Of what the teacher said of deferred rows; audited rows and gold teach nothing. The same lessons make
    the same student, whichever cascade they were learned in."""
    seen, people = stream.seen(), stream.people[: len(stream.asked)]
    lesson = np.array(stream.asked) & ~np.array(stream.audited) & ~people
    lessons = seen[lesson].drop(columns="label").rename(columns={"llm_label": "label"})
    key = lesson.tobytes()
    if key not in students:
        students[key] = student_of(use_case, lessons, seen[people])
    return students[key]


def _grounds(policy: Cascade, stream: Stream, student: Any, number: int) -> tuple[Certificate | None, Arbiter]:
    """A certificate on the audited rows, and who wins on gold that the teacher was asked about."""
    seen, audited = stream.seen(), np.array(stream.audited)
    people = stream.people[: len(seen)]
    taught = seen[people & np.array(stream.asked)]
    on_gold = answers_of(student, taught["text"])
    deferred = should_defer(fixed(0.8), on_gold)
    teacher, truth = (taught[name].to_numpy(dtype=object) for name in ("llm_label", "label"))
    arbiter = arbiter_of(on_gold, teacher, truth, deferred)
    if not isinstance(policy, CertifiedCascade):
        return None, arbiter
    others = seen[~audited & (people | ~np.array(stream.asked))]
    reference = seen[audited]["llm_label"].to_numpy(dtype=object)
    made = certificate_of(
        policy, answers_of(student, seen[audited]["text"]), reference, answers_of(student, others["text"]), number
    )
    return made, arbiter


def _withdrawn(made: Certificate, stream: Stream, student: Any, since: int) -> dict[str, Any]:
    audited = np.array(stream.audited) & (np.arange(len(stream.audited)) >= since)
    if not audited.any():
        return {}
    rows = stream.seen()[audited]
    answers = answers_of(student, rows["text"])
    return dict(recheck(made, evidence_of(answers, rows["llm_label"].to_numpy(dtype=object)), answers.classes, NOW))


def _told(seed: int, policy: Cascade, stream: Stream) -> Iterator[Record]:
    """By thousand, and all together since there is a student."""
    parts = {str(first): slice(first, first + RETRAIN_EVERY) for first in range(0, len(stream.table), RETRAIN_EVERY)}
    for rule in RULES:
        for name, part in {**parts, SINCE: slice(RETRAIN_EVERY, None)}.items():
            yield {
                "seed": seed, "cascade": _title(policy), "arbitration": rule, "from": name,
                **_figures(stream, np.array(stream.said[rule], dtype=object), part),
            }  # fmt: skip


def _title(policy: Cascade) -> str:
    return f"fixed {policy.threshold}" if isinstance(policy, FixedCascade) else f"certified {policy.target}"


def _figures(stream: Stream, said: Labels, part: slice) -> Record:
    truth, teacher = (stream.table[name].to_numpy(dtype=object)[part] for name in ("label", "llm_label"))
    said, asked = said[part], np.array(stream.asked)[part]
    alone = (said == teacher)[~asked]
    return {
        "rows": len(said), "calls": float(asked.mean()), "accuracy": float((said == truth).mean()),
        "agreement": float((said == teacher).mean()),
        "agreement alone": float(alone.mean()) if len(alone) else float("nan"),
        "the LLM's accuracy": float((teacher == truth).mean()),
    }  # fmt: skip
