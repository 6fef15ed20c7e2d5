"""What travels between the deployments: values of one batch, and the state of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from serve_app.core.answers import Act, Explanation, StudentAnswers, TeacherReply, Verdict
from serve_app.core.ports import PartState
from serve_app.core.rows import Rows
from serve_app.core.standing import InForce

Bools = npt.NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cascaded:
    """One batch after the cascade: what everybody said, and what came of it. ``replies`` by row, for
    the rows that were asked about; ``propensity``: (n,), how likely each row was to be; ``audited``: (n,) of
    bool, the rows that chance chose, of which ``audit_rate`` was to be chosen; ``force``: the thresholds that a
    certified cascade went by; ``explanations``: of ``answers``, by the version that gave them, None where
    nobody asked or no student answered; ``money_again``: when rows like those that were not paid for can be."""

    answers: StudentAnswers
    replies: Mapping[int, TeacherReply]
    verdicts: Sequence[Verdict]
    acts: Sequence[Act]
    propensity: npt.NDArray[np.float64]
    policy_version: str
    explanations: Sequence[Explanation] | None = None
    audited: npt.NDArray[np.bool_] | None = None
    audit_rate: float = 0.0
    force: InForce | None = None
    money_again: datetime | None = None

    def is_audited(self, row: int) -> bool:
        return self.audited is not None and bool(self.audited[row])


@dataclass(frozen=True, slots=True)
class Settled:
    """One verdict and one act a row."""

    verdicts: Sequence[Verdict]
    acts: Sequence[Act]


@dataclass(frozen=True, slots=True)
class Unsure:
    """Rows that the teacher is to be asked about, with all that the first half of the cascade made of them:
    the second half goes by the same. ``deferred``, ``audited``: (n,) of bool, why each of them is asked about."""

    rows: Rows
    answers: StudentAnswers
    deferred: Bools
    audited: Bools
    policy_version: str


@dataclass(frozen=True, slots=True)
class Consulted:
    """``Unsure`` rows after the teacher. ``replies`` by row; ``money_again`` as in ``Cascaded``."""

    replies: Mapping[int, TeacherReply]
    settled: Settled
    money_again: datetime | None = None


@dataclass(frozen=True, slots=True)
class Screened:
    """A batch after its student: what the student keeps is ``settled``, in order; the rest waits for the teacher,
    because the student is unsure of it (``deferred``) or chance chose it (``audited``; both (n,) of bool). The
    other names are those of ``Cascaded``."""

    answers: StudentAnswers
    deferred: Bools
    audited: Bools
    settled: Settled
    propensity: npt.NDArray[np.float64]
    policy_version: str
    audit_rate: float = 0.0
    force: InForce | None = None
    explanations: Sequence[Explanation] | None = None

    @property
    def waits(self) -> Bools:
        return np.asarray(self.deferred | self.audited)

    def span(self, start: int, stop: int) -> Screened:
        """The rows from ``start`` until before ``stop``."""
        if (start, stop) == (0, len(self.deferred)):
            return self
        rows, kept = slice(start, stop), ~self.waits
        first = int(np.count_nonzero(kept[:start]))
        own = slice(first, first + int(np.count_nonzero(kept[rows])))
        return Screened(  # and no ``replace``, which takes longer than all of it
            self.answers.take(rows), self.deferred[rows], self.audited[rows],
            Settled(self.settled.verdicts[own], self.settled.acts[own]), self.propensity[rows], self.policy_version,
            self.audit_rate, self.force, None if self.explanations is None else self.explanations[rows],
        )  # fmt: skip

    def unsure(self, rows: Rows) -> Unsure:
        """What waits, of all ``rows``."""
        waits = self.waits
        of = (self.answers.take(waits), self.deferred[waits], self.audited[waits])
        return Unsure(rows.take(waits), *of, self.policy_version)

    def cascaded(self, consulted: Consulted | None) -> Cascaded:
        """All rows, in order. ``consulted``: those that waited, None where none did."""
        settled, replies, again = self.settled, {}, None
        if consulted is not None:
            waits, theirs, again = self.waits, consulted.settled, consulted.money_again
            place = np.flatnonzero(waits).tolist()
            replies = {place[row]: reply for row, reply in consulted.replies.items()}
            verdicts = _merged(waits, settled.verdicts, theirs.verdicts)
            settled = Settled(verdicts, _merged(waits, settled.acts, theirs.acts))
        return Cascaded(
            self.answers, replies, settled.verdicts, settled.acts, self.propensity, self.policy_version,
            self.explanations, self.audited, self.audit_rate, self.force, again,
        )  # fmt: skip


def _merged(waits: Bools, kept: Sequence[T], asked: Sequence[T]) -> list[T]:
    """Each row's own, from the one or the other."""
    mine, theirs = iter(kept), iter(asked)
    return [next(theirs if waited else mine) for waited in waits.tolist()]


@dataclass(frozen=True, slots=True)
class ModelState:
    """What one replica serves. ``version`` is None while there is no champion. ``predictor``: who walks its trees."""

    use_case: str
    state: PartState
    detail: str
    version: str | None = None
    digest: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    trained_at: str | None = None
    predictor: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "use_case": self.use_case,
            "version": self.version,
            "digest": self.digest,
            "state": self.state,
            "detail": self.detail,
            "metrics": dict(self.metrics),
            "trained_at": self.trained_at,
            "predictor": self.predictor,
        }
