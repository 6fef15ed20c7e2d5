"""Puts a challenger before the gate: it, the champion and the best champion so far answer the same gold rows.

    evaluate(run, came)                          the step of a retrain
    best(catalogue, platform, use_case)          of all registered versions, the best on gold
    judge(registry, use_case, version, gold)     what both are made of
    first(use_case, bundle, gold)                of a student that has no rival

The ruling is kept with the version, as the tags gate.outcome, gate.reasons, gate.figures and gate.gold.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.data_root import DataRoot
from pipelines.dataset import open_dataset
from pipelines.gold import share_of
from pipelines.gold_rows import GoldRows, of_dataset, of_labelled
from pipelines.labelled import load
from pipelines.registry import reach
from pipelines.rivals import Rival, anchor, rival, score
from pipelines.run import Came, Outputs, Run
from pipelines.same_shape import fits, unchanged
from pipelines.split import split
from serve_app.adapters.students import load_student
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.adapters.verify_bundle import verify
from serve_app.core.bundle import read_manifest
from serve_app.core.errors import BadBundle, NotFound
from serve_app.core.platform import Platform
from serve_app.core.ports import Bundle, Registry, Version
from serve_app.core.promotion import Contest, Reason, Ruling, rule
from serve_app.core.swap import CHAMPION
from serve_app.core.use_case import UseCase

log = logging.getLogger("understudy.judge")

NEWEST = 20
TAG_MOST = 5000
"""Characters of a tag that MLflow keeps."""

HELD_OUT = "held_out_"
"""Before the names of a bundle's metrics that are of rows it held out itself."""


def evaluate(run: Run, came: Came) -> Outputs:
    """``outcome``, ``reasons``, ``figures``, and ``champion``: the number of who was there when it began, or
    None. Raises RegistryUnavailable, NotFound for a dataset that is gone."""
    use_case, registry = run.configured(), reach(run.platform)
    champion = registry.aliased(use_case.name, CHAMPION)
    dataset = open_dataset(str(came["prepare"]["dataset"]), run.platform)
    unchanged(use_case, dataset)
    gold = of_dataset(use_case, dataset)
    ruling = judge(registry, use_case, str(came["train"]["version"]), gold, run.job_id)
    return {**as_json(ruling), "champion": champion.version if champion else None}


def best(catalogue: UseCaseFolder, platform: Platform, use_case: str) -> dict[str, Any]:
    """The version that does best on the newest gold, of the newest 20, ruled on against the champion:
    ``version``, ``champion`` (its number, or None), ``scores`` by version, and the ruling's ``outcome``,
    ``reasons`` and ``figures``. A champion that is the best passes as ``is_champion``. Moves nothing.

    Raises NotFound when there is no version to choose from or no gold to choose by, RegistryUnavailable."""
    configured, registry = catalogue.get(use_case), reach(platform)
    versions = registry.versions(use_case)[:NEWEST]
    gold = _newest_gold(configured, catalogue.folder(use_case), platform, versions)
    return choose(registry, configured, versions, gold)


def choose(registry: Registry, use_case: UseCase, versions: Sequence[Version], gold: GoldRows) -> dict[str, Any]:
    """See ``best``."""
    rivals = [found for each in versions if isinstance(found := rival(registry, use_case, each), Rival)]
    if not rivals:
        raise NotFound(f"{use_case.name} has no registered version that answers its present schema")
    scores = {each.version.version: score(use_case, each.answer(gold), gold) for each in rivals}
    chosen, champion = max(scores, key=lambda version: scores[version]), registry.aliased(use_case.name, CHAMPION)
    told = {"version": chosen, "champion": champion.version if champion else None, "scores": scores}
    if champion is not None and champion.version == chosen:
        text = f"version {chosen}, the champion, is the best of {len(scores)} on {len(gold)} gold rows"
        return {**told, **as_json(Ruling("promote", (Reason("is_champion", text),), {}))}
    return {**told, **as_json(judge(registry, use_case, chosen, gold, f"best of {use_case.name}"))}


def judge(registry: Registry, use_case: UseCase, version: str, gold: GoldRows, seed: str) -> Ruling:
    """The ruling, which is then kept with the version. The same seed gives the same."""
    challenger = registry.version(use_case.name, version)
    try:
        bundle = registry.fetch(use_case.name, version)
        verify(bundle, use_case)
        ruling = _ruled(registry, use_case, Rival(challenger, bundle), gold, seed)
    except BadBundle as error:
        ruling = Ruling("refuse", (Reason("bad_bundle", str(error)),), {})
    registry.set_tags(use_case.name, version, tags(ruling, gold))
    log.info("version %s: %s (%s)", version, ruling.outcome, "; ".join(each.text for each in ruling.reasons))
    return ruling


def first(use_case: UseCase, bundle: Bundle, gold: GoldRows) -> Ruling:
    """Of a student without a rival that this very process made: it is not tried in another one."""
    contest = Contest(gold.gold, load_student(bundle, "first").answer(gold.rows), held_out=_held_out(bundle))
    return rule(use_case.retraining.gate, use_case.target, contest, _dice(use_case.name))


def tags(ruling: Ruling, gold: GoldRows) -> dict[str, str]:
    told = as_json(ruling)
    return {
        "gate.outcome": ruling.outcome,
        "gate.reasons": _short(told["reasons"]),
        "gate.figures": json.dumps(told["figures"]),
        "gate.gold": json.dumps({"rows": len(gold), "digest": gold.digest}),
    }


def as_json(ruling: Ruling) -> Outputs:
    figures = {name: float(f"{value:.6g}") for name, value in ruling.figures.items()}
    return {"outcome": ruling.outcome, "reasons": [asdict(each) for each in ruling.reasons], "figures": figures}


def _ruled(registry: Registry, use_case: UseCase, challenger: Rival, gold: GoldRows, seed: str) -> Ruling:
    contest = Contest(
        gold.gold,
        challenger.answer(gold),
        held_out=_held_out(challenger.bundle),
        doubtful=_doubtful(use_case, challenger.version),
    )
    champion, notes = _champion(registry, use_case, challenger.version)
    if champion is not None:
        now = {champion.version.version, challenger.version.version}
        best_so_far = anchor(registry, use_case, now, gold) if len(gold) else None
        contest = replace(contest, champion=champion.answer(gold), anchor=best_so_far)
    ruling = rule(use_case.retraining.gate, use_case.target, contest, _dice(seed))
    return replace(ruling, reasons=(*ruling.reasons, *notes))


def _champion(registry: Registry, use_case: UseCase, challenger: Version) -> tuple[Rival | None, list[Reason]]:
    """One that cannot answer these rows is no rival, which is said."""
    version = registry.aliased(use_case.name, CHAMPION)
    if version is None or version.version == challenger.version:
        return None, []
    found = rival(registry, use_case, version)
    if isinstance(found, Rival):
        return found, []
    text = f"the champion, version {version.version}, cannot answer these rows, so there is no rival: {found}"
    return None, [Reason("champion_cannot_answer", text)]


def _held_out(bundle: Bundle) -> dict[str, float]:
    metrics = read_manifest(bundle).metrics
    return {name.removeprefix(HELD_OUT): value for name, value in metrics.items() if name.startswith(HELD_OUT)}


def _doubtful(use_case: UseCase, version: Version) -> float:
    """The share of the labels learned from that may be wrong: those the teacher gave, as often as it errs."""
    try:
        mix = {str(source): int(rows) for source, rows in json.loads(version.tags.get("label_mix", "{}")).items()}
    except (ValueError, AttributeError, TypeError):
        return 0.0
    return mix.get("teacher", 0) / max(sum(mix.values()), 1) * (1 - use_case.teacher.reliability)


def _newest_gold(use_case: UseCase, folder: Path, platform: Platform, versions: Sequence[Version]) -> GoldRows:
    """Of the newest dataset that is still there; else of the rows that came with the use case."""
    for version in versions[:NEWEST]:
        if (path := version.tags.get("dataset")) is None:
            continue
        try:
            dataset = open_dataset(path, platform)
        except NotFound:
            continue
        if fits(use_case, dataset.manifest):
            return _some(use_case, of_dataset(use_case, dataset))
    labelled = load(use_case, folder, Path(platform.state), DataRoot(platform))
    if labelled is None:
        raise NotFound(f"{use_case.name} has no gold rows to compare its versions on")
    share = share_of(platform, use_case, len(labelled))
    return _some(use_case, of_labelled(use_case, split(labelled, list(use_case.features()), share)[1]))


def _some(use_case: UseCase, gold: GoldRows) -> GoldRows:
    if not len(gold):
        raise NotFound(f"{use_case.name} has no gold rows to compare its versions on")
    return gold


def _short(reasons: list[dict[str, str]]) -> str:
    """JSON that a tag holds: the last reasons are left out where it would not."""
    while len(text := json.dumps(reasons)) > TAG_MOST:
        reasons = [{**each, "text": each["text"][:300]} for each in reasons[:-1]]
    return text


def _dice(seed: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
