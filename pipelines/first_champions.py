"""First champions: what is trained at a start, and what of it takes the place.

A first champion passes the gate like any other, only that it has no rival. What is refused is registered
with the ruling and not promoted, and is not trained again from the same rows. Labelled rows give a student
at once even where gold is too little to rule: without a rival nobody is worse off, as long as nothing is
certain against it and it is better than the most frequent class. A retrain has no such leave.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from pipelines import gold_rows
from pipelines.certify import grounded, next_number, of_labelled
from pipelines.data_root import DataRoot
from pipelines.fit import gold_share
from pipelines.gold import share_of
from pipelines.gold_rows import GoldRows
from pipelines.judge import first, tags
from pipelines.labelled import LabelledRows, load
from pipelines.outcome import TrainFailure
from pipelines.split import digest, split
from pipelines.train import TrainTask
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.bundle import digest_of, read_manifest, schema_version
from serve_app.core.errors import UnderstudyError
from serve_app.core.events import digest as digest_of_json
from serve_app.core.manifest import Manifest
from serve_app.core.platform import Platform
from serve_app.core.ports import Bundle, Registry, Version
from serve_app.core.promotion import Ruling
from serve_app.core.resampling import chance_of_fewer
from serve_app.core.swap import CHAMPION
from serve_app.core.use_case import UseCase

log = logging.getLogger("understudy.bootstrap")

FIRST = "first champion"
MADE_FROM, LEFT = "made_from", "left"
"""Tags: the digest of the rows learned from, of the student's settings and of the gate's; and whether the
version was not promoted for what the gate said. (One that was not for a crash is made again.)"""

NOT_SHOWN = frozenset({"too_little_gold", "too_close", "overconfident", "miscalibrated", "leak", "coverage_off"})
"""What few rows say by chance as well, while it is not certain."""

SHOWN = ("accuracy", "macro_f1", "auc", "ece", "mae", "coverage")


def task(name: str, catalogue: UseCaseFolder, platform: Platform, registry: Registry) -> TrainTask | str:
    """A task, or why there is none."""
    try:
        use_case = catalogue.get(name)
        if champion := _champion(use_case, registry):
            return f"version {champion.version} is the champion"
        labelled = load(use_case, catalogue.folder(name), Path(platform.state), DataRoot(platform))
        if labelled is None:
            return "no labelled rows: it learns from its teacher"
        if short := _enough(use_case, labelled):
            return short
        made = TrainTask(_frozen(use_case, labelled, platform), labelled)
        return _refused_before(made, registry) or made
    except UnderstudyError as error:
        return f"cannot train: {error}"
    except Exception as error:  # of one use case's data; the others train
        log.exception("%s: its labelled rows cannot be read", name)
        return f"cannot train: {type(error).__name__}"


def _champion(use_case: UseCase, registry: Registry) -> Version | None:
    """The champion, if it answers the present schema."""
    found = registry.aliased(use_case.name, CHAMPION)
    return found if found and found.tags.get("schema_version") == schema_version(use_case) else None


def _enough(use_case: UseCase, labelled: LabelledRows) -> str | None:
    rows, least = len(labelled), use_case.retraining.min_rows
    if rows >= least:
        return None
    return f"cannot train: {rows} labelled rows, {least} are needed (retraining.min_rows)"


def _refused_before(task: TrainTask, registry: Registry) -> str | None:
    """The same rows would come to the same student and the same ruling at every start."""
    use_case, name = task.use_case, task.use_case.name
    wanted = {"origin": FIRST, "schema_version": schema_version(use_case), LEFT: "true"}
    for version in registry.versions(name)[:1]:
        if wanted.items() <= version.tags.items() and version.tags.get(MADE_FROM) == _made_from_now(task):
            return _left(version)
    return None


def _made_from_now(task: TrainTask) -> str:
    use_case, features = task.use_case, list(task.use_case.features())
    learn = split(task.labelled, features, gold_share(use_case, task.labelled))[0]
    return _made_from(use_case, digest(learn.rows.select(features), learn.target))


def _made_from(use_case: UseCase, rows: str) -> str:
    gate = use_case.retraining.gate.model_dump(mode="json")
    return digest_of_json([rows, use_case.student.model_dump(mode="json"), gate])


def _left(version: Version) -> str:
    try:
        reasons = "; ".join(str(each["text"]) for each in json.loads(version.tags.get("gate.reasons", "[]")))
    except (ValueError, KeyError, TypeError):
        reasons = "see its ruling"
    return f"version {version.version} is not promoted: {reasons}"


def _frozen(use_case: UseCase, labelled: LabelledRows, platform: Platform) -> UseCase:
    """With the share of gold that retrains will have too: what judges now is not learned from later."""
    share = share_of(platform, use_case, len(labelled))
    retraining = use_case.retraining.model_copy(update={"gold_share": share})
    return use_case.model_copy(update={"retraining": retraining})


def registered(task: TrainTask, result: Bundle | TrainFailure, registry: Registry) -> str:
    """What became of it, for people."""
    try:
        return _registered(task, result, registry)
    except UnderstudyError as error:  # the others are trained as well, and shall not be lost
        return f"cannot train: {error}"


def _registered(task: TrainTask, result: Bundle | TrainFailure, registry: Registry) -> str:
    if isinstance(result, TrainFailure):
        return f"cannot train: {result.reason}"
    use_case, gold, manifest = task.use_case, gold_of(task), read_manifest(result)
    made = grounded(use_case, result, of_labelled(use_case, _judges(task)), _number(registry, use_case), FIRST)
    result = made.bundle
    ruling = first(use_case, result, gold)
    takes = takes_the_place(ruling, manifest)
    kept = {
        "origin": FIRST,
        "schema_version": manifest.schema_version,
        "digest": digest_of(result),
        "family": manifest.family,
        MADE_FROM: _made_from(use_case, manifest.data.digest),
        LEFT: "false" if takes else "true",
    }
    version = registry.register(use_case.name, result, manifest.metrics, {**kept, **made.tags, **tags(ruling, gold)})
    if not takes:
        return _left(version)
    if champion := _champion(use_case, registry):  # training takes minutes, in which a retrain may have ended
        return f"version {champion.version} has become the champion meanwhile, and version {version.version} waits"
    registry.set_alias(use_case.name, CHAMPION, version.version)
    told = ", ".join(f"{key} {manifest.metrics[key]:.3f}" for key in SHOWN if key in manifest.metrics)
    little = "" if ruling.outcome == "promote" else f"; judged by only {len(gold)} gold rows"
    return f"version {version.version} is the champion ({told}{little})"


def gold_of(task: TrainTask) -> GoldRows:
    """The rows that the student was not trained on."""
    return gold_rows.of_labelled(task.use_case, _judges(task))


def _judges(task: TrainTask) -> LabelledRows:
    use_case, labelled = task.use_case, task.labelled
    assert labelled is not None
    return split(labelled, list(use_case.features()), gold_share(use_case, labelled))[1]


def _number(registry: Registry, use_case: UseCase) -> int:
    return next_number(registry.versions(use_case.name))


def takes_the_place(ruling: Ruling, manifest: Manifest) -> bool:
    """Whether a student without a rival is promoted: it passed; or gold is too little to rule, nothing is
    certain against it, and it is shown to be better than the most frequent class, by gold or by the rows
    that it held out itself, of which there are more; numbers: nearer than the baseline, shown or not."""
    if ruling.outcome != "person":
        return ruling.outcome == "promote"
    doubts, figures = set(ruling.codes() - NOT_SHOWN), ruling.figures
    if _better_on_held_out(manifest):
        doubts.discard("not_better_than_majority")
    if figures.get("mae_where_known", 1.0) < figures.get("baseline_mae", 0.0):
        doubts.discard("worse_than_baseline")
    return not doubts


def _better_on_held_out(manifest: Manifest) -> bool:
    right, labels = manifest.metrics.get("held_out_accuracy"), manifest.data.labels
    if right is None or not labels:
        return False
    rows, most = sum(labels.values()), max(labels.values())
    return chance_of_fewer(round((1 - right) * rows), rows, 1 - most / rows) <= 0.05
