"""How a use case's certificate stands, as people look at it: by class, what holds now and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from math import ceil
from typing import Any, Literal

from serve_app.core.cascade import CertifiedCascade
from serve_app.core.certificate import Certificate, ClassCertificate
from serve_app.core.certify import fewest_rows, spent
from serve_app.core.standing import NEVER, Standing, State, Withdrawn, in_force
from serve_app.core.use_case import Classification, UseCase

LOOK = "recheck"
"""The kind of the report that the last look at a certificate left: ``version``, and how many audited rows it
answered since, with ``disagreements``."""

WITHDRAWAL = "withdrawal"
"""The kind of the reports that raise an alert for classes that were withdrawn."""

Whole = Literal["certified", "partly_certified", "not_certified"]
"""Of all classes together, by what holds now: each is certified, some are, none is. An override certifies nothing."""

Json = dict[str, Any]


def shown(
    use_case: UseCase,
    version: str | None,
    certificate: Certificate | None,
    standing: Standing,
    look: Mapping[str, Any] | None,
    now: datetime,
) -> Json:
    """``version``: the champion's, None while there is none; ``standing`` and ``look`` may be another's."""
    policy, target = use_case.cascade, use_case.target
    assert isinstance(policy, CertifiedCascade)
    assert isinstance(target, Classification)
    mine = standing.of(version) if version is not None else Standing()
    audited = _audited(look, version)
    least, since = _least(policy, target.classes), 0 if audited is None else int(audited["rows"])
    force = in_force(certificate, mine, target.classes, now)
    return {
        "use_case": use_case.name,
        "version": version,
        "state": _whole(force.states),
        "target": policy.target if certificate is None else certificate.target,
        "reference": policy.reference if certificate is None else certificate.reference,
        "delta": policy.delta if certificate is None else certificate.delta,
        "level": None if certificate is None else certificate.level,
        "number": None if certificate is None else certificate.number,
        "rows": 0 if certificate is None else certificate.rows,
        "audited_since": audited,
        "override": None if force.override is None else asdict(force.override),
        "classes": [
            _class(
                name, force.states[place], float(force.thresholds[place]), mine, _entry(certificate, name, least, since)
            )
            for place, name in enumerate(target.classes)
        ],
    }


def _whole(states: Sequence[State]) -> Whole:
    certified = states.count("certified")
    if certified == 0:
        return "not_certified"
    return "certified" if certified == len(states) else "partly_certified"


def _class(name: str, state: State, threshold: float, standing: Standing, entry: ClassCertificate) -> Json:
    withdrawn = standing.withdrawn.get(name)
    return {
        "class": name,
        "state": state,
        "threshold": None if threshold == NEVER else threshold,
        "certified_threshold": entry.threshold,
        "rows": entry.rows,
        "disagreements": entry.disagreements,
        "bound": entry.bound,
        "needed": entry.needed,
        "withdrawn": None if withdrawn is None else asdict(withdrawn),
        "reason": _why(state, standing, entry, withdrawn),
    }


def _why(state: State, standing: Standing, entry: ClassCertificate, withdrawn: Withdrawn | None) -> str:
    match state:
        case "override":
            assert standing.override is not None
            return f"{standing.override.by} until {standing.override.until}: {standing.override.reason}"
        case "withdrawn":
            assert withdrawn is not None
            return (
                f"of {withdrawn.rows} rows audited since, {withdrawn.disagreements} disagreed: every row of this class"
                " is deferred until a retrain certifies it again"
            )
        case "certified":
            return f"{entry.disagreements} of {entry.rows} rows of evidence disagreed"
    if entry.needed is None:
        return "the rows so far disagree too often for any number of them to do: every row of this class is deferred"
    if entry.needed == 0:
        return "there may be rows enough by now for the next retrain to certify it: every row of this class is deferred"
    return f"about {entry.needed} more audited rows are needed, and then a retrain: every row of this class is deferred"


def _entry(certificate: Certificate | None, name: str, least: int, since: int) -> ClassCertificate:
    """``since``: rows audited since it was issued, which the next one will rest on too."""
    found = None if certificate is None else certificate.classes.get(name)
    found = ClassCertificate(None, 0, 0, None, least) if found is None else found
    return found if found.needed is None else replace(found, needed=max(found.needed - since, 0))


def _least(policy: CertifiedCascade, classes: Sequence[str]) -> int:
    """Audited rows without which nothing can be certified, were every class as frequent and no row to disagree."""
    shares = len(classes) if policy.per_class else 1
    return ceil(fewest_rows(policy.target, spent(policy.delta, 1) / shares) * shares)


def _audited(look: Mapping[str, Any] | None, version: str | None) -> Json | None:
    """What the last look at this version found."""
    if look is None or version is None or look.get("version") != version:
        return None
    return {"rows": look.get("rows", 0), "disagreements": look.get("disagreements", 0), "at": look.get("at")}
