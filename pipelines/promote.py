"""The last step of a retrain: the challenger becomes the champion, or is left and it is said why.

Not to promote is a normal end, and so is a replica that cannot serve the version: nothing has changed
then anywhere. Done again after a crash it comes to the same. Who moved the champion since the ruling, or took
this very version back, has said what is to be served: that is not undone.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from pipelines.registry import promote_version, reach
from pipelines.run import Came, Outputs, Run
from serve_app.adapters.sql_audit import open_audit
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.audit import Audited
from serve_app.core.errors import PromotionRefused
from serve_app.core.platform import Platform
from serve_app.core.swap import CHALLENGER, CHAMPION, PREVIOUS
from serve_app.core.use_case import Retraining

log = logging.getLogger("understudy.promote")

UNKNOWN = "unknown"
"""In place of the champion that was judged, in rulings of an older Understudy."""


def promote(run: Run, came: Came) -> Outputs:
    """``promoted``, ``version``, ``previous``, ``reason``. Raises RegistryUnavailable."""
    version, ruling = str(came["train"]["version"]), came["evaluate"]
    settings = run.configured().retraining
    if ruling["outcome"] == "promote" and settings.promote == "gate":
        moved = _moved(run, version, ruling)
        return _promoted(run, version) if moved is None else _left(run, version, moved, settings.shadow > 0)
    return _left(run, version, _why_left(ruling), _waits(ruling, settings))


def promote_best(catalogue: UseCaseFolder, platform: Platform, use_case: str, by: str, reason: str) -> Outputs:
    """The best registered version by gold, made the champion if the gate lets it: what ``judge.best`` found,
    with ``promoted``, ``previous`` and ``reason``. Raises NotFound, PromotionRefused, RegistryUnavailable."""
    from pipelines.judge import best  # a retrain's last step has no use for LightGBM

    found = best(catalogue, platform, use_case)
    version, champion = str(found["version"]), found["champion"]
    why = "; ".join(str(each["text"]) for each in found["reasons"])
    if found["outcome"] != "promote" or version == champion:
        return {**found, "promoted": False, "previous": champion, "reason": why}
    done = promote_version(platform, use_case, version, by, reason)
    return {**found, "promoted": True, "previous": done["previous"], "reason": reason}


def _moved(run: Run, version: str, ruling: dict[str, Any]) -> str | None:
    """What somebody did to the champion since the gate ruled; None when nobody did."""
    registry, judged = reach(run.platform), ruling.get("champion", UNKNOWN)
    champion, before = registry.aliased(run.use_case, CHAMPION), registry.aliased(run.use_case, PREVIOUS)
    now = None if champion is None else champion.version
    if now == version:  # by this step, which is done again
        return None
    if before is not None and before.version == version:
        return f"it was the champion already, and somebody went back to version {now}: only a person can promote it"
    if judged not in (UNKNOWN, now):
        was, is_now = f"version {judged}" if judged else "no champion", f"version {now}" if now else "no champion"
        return f"it passed the gate against {was}, and now there is {is_now}: only a person can promote it"
    return None


def _promoted(run: Run, version: str) -> Outputs:
    reason = f"it passed the gate (job {run.job_id}, started by {run.trigger})"
    try:
        done = promote_version(run.platform, run.use_case, version, "gate", reason, run.job_id)
    except PromotionRefused as refused:
        log.warning("version %s is not served: %s", version, refused)
        return {"promoted": False, "version": version, "previous": _champion(run), "reason": str(refused)}
    _write_down(run, version, done, reason)
    log.info("version %s is the champion, after %s", version, done["previous"])
    return {"promoted": True, "version": version, "previous": done["previous"], "reason": reason}


def _write_down(run: Run, version: str, done: dict[str, Any], reason: str) -> None:
    """Under the job's own id, so that the step done again writes nothing twice. Raises StoreUnavailable."""
    detail = {"version": version, "previous": done["previous"], "reason": reason, "job_id": run.job_id}
    sides = {"before": {"version": done["previous"]}, "after": {"version": version}}
    audit = open_audit(run.platform.store, run.state)
    try:
        audit.append(Audited(run.job_id, datetime.now(UTC), "gate", "promote", run.use_case, detail, version, **sides))
    finally:
        audit.close()


def _left(run: Run, version: str, reason: str, waits: bool) -> Outputs:
    if waits:
        reach(run.platform).set_alias(run.use_case, CHALLENGER, version)
    log.info("version %s is not promoted: %s", version, reason)
    return {"promoted": False, "version": version, "previous": _champion(run), "reason": reason}


def _waits(ruling: dict[str, Any], settings: Retraining) -> bool:
    """Whether it is the challenger from now on: in the shadow of the champion, or before a person.
    One that the gate refused is worth neither."""
    return ruling["outcome"] != "refuse" and (settings.shadow > 0 or settings.promote == "person")


def _why_left(ruling: dict[str, Any]) -> str:
    told = "; ".join(str(each["text"]) for each in ruling.get("reasons", ()))
    if ruling["outcome"] == "promote":
        return "it passed the gate and waits for a person (retraining.promote: person)"
    return f"{'the gate refused it' if ruling['outcome'] == 'refuse' else 'only a person can promote it'}: {told}"


def _champion(run: Run) -> str | None:
    champion = reach(run.platform).aliased(run.use_case, CHAMPION)
    return None if champion is None else champion.version
