"""Looks whether certificates still hold: what chance has audited since one was issued goes through
``core/recheck.py``, and a class that no longer keeps its promise is withdrawn.

A withdrawal stands in the report that every cascade reads (``core/standing.py``), in the audit log, and among
the alerts. It stays until another version is the champion. It is no fault of a part, so that ``/readyz`` does
not tell of it: the class is deferred again and answered all the same. What new rows would certify besides
waits for the next retrain, since a certificate belongs to a version.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from ulid import ULID

from serve_app.core.audit import Audited
from serve_app.core.cascade import CertifiedCascade
from serve_app.core.certificate import Certificate, Reference
from serve_app.core.certified import LOOK, WITHDRAWAL
from serve_app.core.errors import BadBundle, NotFound
from serve_app.core.evidence import Evidence
from serve_app.core.grounds import grounds_of
from serve_app.core.jobs import Report
from serve_app.core.ledger import Entry
from serve_app.core.ports import AuditLog, EventLog, Registry, Reports, Version
from serve_app.core.recheck import recheck
from serve_app.core.standing import KIND, Standing, Withdrawn
from serve_app.core.swap import CHAMPION
from serve_app.core.triggers import AUTOMATIC, rested
from serve_app.core.use_case import Classification, UseCase

log = logging.getLogger("understudy.pipelines")

EVERY_S: Mapping[Reference, float] = {"teacher": 60.0, "gold": 600.0}
"""Between two looks."""

ANEW_S = 600.0
"""After which everything is read again: people label late, and what waited in a journal while the log was away is
behind what has been read."""

LATE = timedelta(seconds=60)
"""A prediction may be committed so much later than it was begun: younger ones are left for the next look."""

PAGE = 5000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Watched:
    """What is known of a champion: its certificate, and its audited rows up to the prediction ``after``."""

    version: Version
    certificate: Certificate | None
    began: datetime
    after: str | None = None
    places: list[int] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    agrees: list[bool] = field(default_factory=list)

    def anew(self, now: datetime) -> None:
        self.began, self.after, self.places, self.confidences, self.agrees = now, None, [], [], []

    def evidence(self) -> Evidence:
        return Evidence(
            np.array(self.places, dtype=np.intp), np.array(self.confidences), np.array(self.agrees, dtype=bool)
        )


class Rechecks:
    """``registry`` opens the registry; the certificate of a champion is fetched once. Blocks. Raises
    StoreUnavailable, RegistryUnavailable."""

    def __init__(
        self,
        events: EventLog,
        reports: Reports,
        audit: AuditLog,
        registry: Callable[[], Registry],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._events, self._reports, self._audit = events, reports, audit
        self._registry, self._clock = registry, clock
        self._known: dict[str, _Watched] = {}
        self._looked: dict[str, datetime] = {}

    def look(self, use_case: UseCase) -> dict[str, Withdrawn]:
        """The classes that were withdrawn now."""
        policy, now = use_case.cascade, self._clock()
        if not isinstance(policy, CertifiedCascade) or not isinstance(use_case.target, Classification):
            return {}
        if not rested(self._looked.get(use_case.name), EVERY_S[policy.reference], now):
            return {}
        self._looked[use_case.name] = now
        champion = self._registry().aliased(use_case.name, CHAMPION)
        return {} if champion is None else self._of(use_case, policy, use_case.target.classes, champion, now)

    def _of(
        self, use_case: UseCase, policy: CertifiedCascade, classes: tuple[str, ...], champion: Version, now: datetime
    ) -> dict[str, Withdrawn]:
        watched = self._watched(use_case, champion, now)
        certificate = watched.certificate
        reference = policy.reference if certificate is None else certificate.reference
        self._read(use_case.name, watched, classes, reference, now)
        self._told(use_case.name, watched, now)
        if certificate is None:
            return {}
        found = recheck(certificate, watched.evidence(), classes, now)
        return self._withdraw(use_case.name, champion.version, found, now)

    def _watched(self, use_case: UseCase, champion: Version, now: datetime) -> _Watched:
        kept = self._known.get(use_case.name)
        if kept is None or kept.version.version != champion.version:
            kept = self._known[use_case.name] = _Watched(champion, self._certificate(champion), now)
        return kept

    def _certificate(self, champion: Version) -> Certificate | None:
        try:
            grounds = grounds_of(self._registry().fetch(champion.use_case, champion.version))
        except (NotFound, BadBundle) as error:
            log.warning("%s: version %s cannot be read: %s", champion.use_case, champion.version, error)
            return None
        return None if grounds is None else grounds.certificate

    def _read(
        self, name: str, watched: _Watched, classes: tuple[str, ...], reference: Reference, now: datetime
    ) -> None:
        """What was answered since the last look; now and then everything again."""
        if now - watched.began >= timedelta(seconds=ANEW_S):
            watched.anew(now)
        since, until = watched.version.created_at or EPOCH, now - LATE
        while page := self._events.scan(name, since, until, watched.after, PAGE, audited=True):
            for entry in page:
                _witness(watched, entry, classes, reference)
            watched.after = page[-1].id

    def _told(self, name: str, watched: _Watched, now: datetime) -> None:
        """What the look found, for people."""
        rows, disagreements = len(watched.agrees), watched.agrees.count(False)
        content = {"version": watched.version.version, "rows": rows, "disagreements": disagreements}
        before = self._reports.latest(name, LOOK)
        if before is None or {key: before.content.get(key) for key in content} != content:
            self._reports.put(Report(f"{LOOK}:{name}", name, LOOK, now, {**content, "at": now.isoformat()}))

    def _withdraw(self, name: str, version: str, found: Mapping[str, Withdrawn], now: datetime) -> dict[str, Withdrawn]:
        if not found:
            return {}
        kept = self._reports.latest(name, KIND)  # read just now: an operator may have overridden meanwhile
        standing = (Standing() if kept is None else Standing.from_dict(kept.content)).of(version)
        new = {each: why for each, why in found.items() if each not in standing.withdrawn}
        if new:
            standing = replace(standing, withdrawn={**standing.withdrawn, **new})
            self._reports.put(Report(f"{KIND}:{name}", name, KIND, now, standing.as_dict()))
            self._raise_alarm(name, version, new, now)
        return new

    def _raise_alarm(self, name: str, version: str, new: Mapping[str, Withdrawn], now: datetime) -> None:
        alerts: list[dict[str, Any]] = []
        for each, why in new.items():
            detail = {"version": version, "class": each, **asdict(why)}
            log.warning("%s: the certificate of %r is withdrawn: %s", name, each, detail)
            self._audit.append(Audited(str(ULID()), now, AUTOMATIC, "certificate_withdrawn", name, detail, version))
            alerts.append({"action": "certificate_withdrawn", **detail})
        told = Report(f"{WITHDRAWAL}:{name}:{version}:{now.isoformat()}", name, WITHDRAWAL, now, {"alert_rows": alerts})
        self._reports.put(told)


def _witness(watched: _Watched, entry: Entry, classes: tuple[str, ...], reference: Reference) -> None:
    """Takes down what chance chose, this version answered, and the reference spoke of."""
    truth = entry.taught if reference == "teacher" else entry.person
    if not entry.audited or entry.model_version != watched.version.version or truth is None or entry.student is None:
        return
    label = entry.student.get("label")
    if label in classes:
        watched.places.append(classes.index(label))
        watched.confidences.append(float(entry.student["confidence"]))
        watched.agrees.append(label == truth)
