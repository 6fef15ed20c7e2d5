"""What goes into a student's bundle before it is registered: its certificate, where its use case's cascade is
certified, and who is right where it and the teacher disagree, where that is learned.

Evidence is what chance chose and the student has not learned from, answered by this very student:

    reference: teacher    audited rows that the teacher answered
    reference: gold       gold rows of the labelled file, which a hash chose, and audited rows that people
                          labelled. Other rows that people labelled are none: they picked them themselves

Where the rate of the audit was changed meanwhile the rows are thinned to the least of the rates. The thresholds
that are tried come from other rows: the newest that were asked and not audited, or, while they are few,
those that the student held out when it was trained.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from pipelines import held_out
from pipelines.audit import Audit, known, no_audit
from pipelines.dataset import SOURCE, TEACHER, Dataset, labelled_of
from pipelines.labelled import LabelledRows
from pipelines.run import Run
from pipelines.split import lines
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.adapters.students import load_student
from serve_app.core import arbitration, certificate
from serve_app.core.answers import ClassAnswers
from serve_app.core.arbitrate import learn_arbiter
from serve_app.core.arbitration import Arbiter
from serve_app.core.bundle import enclose
from serve_app.core.cascade import CertifiedCascade, should_defer
from serve_app.core.certificate import Certificate
from serve_app.core.certify import certify
from serve_app.core.evidence import Evidence, Floats, thin
from serve_app.core.manifest import schema_version
from serve_app.core.ports import Bundle, Student, Version
from serve_app.core.rows import Column, Rows
from serve_app.core.standing import Standing, in_force
from serve_app.core.use_case import Classification, NumericField, UseCase

NEWEST = 5000
"""Live rows that the thresholds to be tried are made of."""

FEWEST = 200
"""Fewer live rows than that are not asked about."""

DISPUTES = 20
"""Rows on which student and teacher differ, without which nothing is said of who is right."""

NUMBER = "certificate.number"


@dataclass(frozen=True, slots=True)
class Material:
    """Rows that the student has not learned from: ``audit``; ``gold`` with the sources of its labels and what
    the teacher said of them; and ``live`` rows, of which nobody said anything that counts."""

    audit: Audit
    gold: LabelledRows
    source: Column
    teacher: Column
    live: Rows | None = None


def of_dataset(run: Run, use_case: UseCase, dataset: Dataset) -> Material:
    frame = dataset.frame("gold")
    gold = labelled_of(use_case, frame, dataset.manifest.horizon_days)
    nobody = np.full(len(gold), None, dtype=object)
    teacher = frame[TEACHER].to_numpy(dtype=object) if TEACHER in frame else nobody
    return Material(dataset.audit(), gold, frame[SOURCE].to_numpy(dtype=object), teacher, _live(run, use_case))


def of_labelled(use_case: UseCase, gold: LabelledRows) -> Material:
    """Of rows that came with the use case, before anybody was asked anything."""
    kinds = {n: "numeric" if isinstance(f, NumericField) else "text" for n, f in use_case.features().items()}
    texts = np.full(len(gold), None, dtype=object)
    numbers = not isinstance(use_case.target, Classification)
    return Material(no_audit(kinds, numbers), gold, np.full(len(gold), "file", dtype=object), texts)


@dataclass(frozen=True, slots=True)
class Grounded:
    """A sealed bundle, and what is kept of its certificate in short with its version."""

    bundle: Bundle
    tags: Mapping[str, str] = field(default_factory=dict)


def grounded(use_case: UseCase, bundle: Bundle, material: Material, number: int, seed: str) -> Grounded:
    """``bundle`` with all that it can be given, sealed again; itself where that is nothing. ``number``: of the
    use case's certificates; the same ``seed`` thins the same rows. Raises BadBundle."""
    policy, target = use_case.cascade, use_case.target
    if not isinstance(target, Classification):
        return Grounded(bundle)
    student = load_student(bundle, "candidate")
    files: dict[str, bytes] = {}
    told: dict[str, str] = {}
    found: Certificate | None = None
    if isinstance(policy, CertifiedCascade):
        tried = _tried(student, bundle, material.live)
        evidence = _evidence(student, *_witnesses(policy, material, _dice(seed)))
        found = certify(evidence, tried, target.classes, policy, number)
        files[certificate.FILE], told = found.as_json(), tags(found, tried)
    if policy.arbitration == "learned" and (arbiter := _arbiter(use_case, student, material, found)) is not None:
        files[arbitration.FILE] = arbiter.as_json()
        told["arbitration.rows"] = str(sum(pair.rows for row in arbiter.pairs.values() for pair in row.values()))
    return Grounded(enclose(bundle, use_case, files) if files else bundle, told)


def next_number(versions: Sequence[Version]) -> int:
    """Of the next certificate: every one that rested on anything has spent its part of delta, also those of
    students that were refused."""
    numbers = [int(each.tags[NUMBER]) for each in versions if each.tags.get(NUMBER, "").isdecimal()]
    return max([len(numbers), *numbers]) + 1


def tags(found: Certificate, tried: Mapping[str, Floats]) -> dict[str, str]:
    """``certificate.coverage``: the share of the live rows (or of those held out) that the student may answer."""
    sure = {name: each.threshold for name, each in found.classes.items() if each.threshold is not None}
    covered = sum(int((tried[name] >= least).sum()) for name, least in sure.items() if name in tried)
    told = {
        "certificate.reference": found.reference,
        "certificate.target": f"{found.target:g}",
        "certificate.rows": str(found.rows),
        "certificate.classes": f"{len(sure)} of {len(found.classes)}",
        "certificate.coverage": f"{covered / max(sum(map(len, tried.values())), 1):.3f}",
    }
    return {**told, NUMBER: str(found.number)} if found.rows else told


def _arbiter(use_case: UseCase, student: Student, material: Material, found: Certificate | None) -> Arbiter | None:
    """Learned from the rows that this student would defer, of which people and teacher have spoken; None where
    they differ on too few."""
    rows, teacher, truth = _spoken_of(use_case, material)
    if not len(rows):
        return None
    answers = _answers(student, rows)
    force = in_force(found, Standing(), answers.classes, datetime.now(UTC))
    said = np.array(answers.classes, dtype=object)[answers.best()]
    kept = np.flatnonzero(should_defer(use_case.cascade, answers, force))
    if int((said[kept] != teacher[kept]).sum()) < DISPUTES:
        return None
    return learn_arbiter(said[kept].tolist(), teacher[kept].tolist(), truth[kept].tolist())


def _spoken_of(use_case: UseCase, material: Material) -> tuple[Rows, Column, Column]:
    """Gold that the teacher was asked about, and audited rows that people labelled, once."""
    features, audit = list(use_case.features()), material.audit
    gold = np.flatnonzero(known(material.teacher))
    judged = material.gold.rows.take(gold)
    there = set(lines(judged, features))
    new = np.array([line not in there for line in lines(audit.rows, features)], dtype=bool)
    own = np.flatnonzero(known(audit.teacher) & known(audit.person) & new)
    columns = {name: np.concatenate([judged[name], audit.rows[name][own]]) for name in features}
    teacher = np.concatenate([material.teacher[gold], audit.teacher[own]])
    return Rows(columns), teacher, np.concatenate([material.gold.target[gold], audit.person[own]])


def _witnesses(policy: CertifiedCascade, material: Material, dice: np.random.Generator) -> tuple[Rows, Column]:
    """Rows of evidence, and what the reference says of each."""
    audit = material.audit
    said = audit.teacher if policy.reference == "teacher" else audit.person
    there = np.flatnonzero(known(said))
    kept = there[thin(audit.rate[there], dice.random(len(there)))]
    rows, truth = audit.rows.take(kept), said[kept]
    if policy.reference == "teacher":
        return rows, truth
    gold = np.flatnonzero(material.source.astype(str) == "file")
    own = material.gold.rows.take(gold)
    columns = {name: np.concatenate([rows[name], own[name]]) for name in rows.names}
    return Rows(columns), np.concatenate([truth, material.gold.target[gold]])


def _evidence(student: Student, rows: Rows, truth: Column) -> Evidence:
    if not len(rows):
        return Evidence(np.empty(0, dtype=np.intp), np.empty(0), np.empty(0, dtype=bool))
    answers = _answers(student, rows)
    said = np.array(answers.classes, dtype=object)[answers.best()]
    return Evidence(answers.best(), answers.probabilities.max(axis=1), np.asarray(said == truth, dtype=bool))


def _tried(student: Student, bundle: Bundle, live: Rows | None) -> dict[str, Floats]:
    """By class, how sure the student is of rows that are no evidence."""
    if live is None or len(live) < FEWEST:
        return held_out.confidences(bundle)
    answers = _answers(student, live)
    sure, best = answers.probabilities.max(axis=1), answers.best()
    return {name: sure[best == place] for place, name in enumerate(answers.classes)}


def _answers(student: Student, rows: Rows) -> ClassAnswers:
    answers = student.answer(rows)
    assert isinstance(answers, ClassAnswers)
    return answers


def _live(run: Run, use_case: UseCase) -> Rows:
    """The newest rows that were asked and that chance did not choose."""
    log = open_event_log(run.platform.store, run.state)
    try:
        newest = log.newest(use_case.name, NEWEST)
    finally:
        log.close()
    schema, features = schema_version(use_case), use_case.features()
    asked = [
        each.features
        for each in newest
        if each.audit_rate is None and each.schema_version == schema and each.at <= run.until
    ]
    numeric = [name for name, kind in features.items() if isinstance(kind, NumericField)]
    return Rows.from_records(asked, numeric, [name for name in features if name not in numeric]).select(list(features))


def _dice(seed: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
