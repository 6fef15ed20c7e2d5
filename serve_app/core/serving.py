"""What travels between the deployments: values of one batch, and the state of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from serve_app.core.answers import Act, StudentAnswers, TeacherReply, Verdict
from serve_app.core.ports import PartState


@dataclass(frozen=True, slots=True)
class Cascaded:
    """One batch after the cascade: what everybody said, and what came of it. ``replies`` by row, for
    the rows that were deferred; ``propensity``: (n,), how likely each row was to be deferred."""

    answers: StudentAnswers
    replies: Mapping[int, TeacherReply]
    verdicts: Sequence[Verdict]
    acts: Sequence[Act]
    propensity: npt.NDArray[np.float64]
    policy_version: str


@dataclass(frozen=True, slots=True)
class ModelState:
    """What one replica serves. ``version`` is None while there is no champion."""

    use_case: str
    state: PartState
    detail: str
    version: str | None = None
    digest: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    trained_at: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "use_case": self.use_case,
            "version": self.version,
            "digest": self.digest,
            "state": self.state,
            "detail": self.detail,
            "metrics": dict(self.metrics),
            "trained_at": self.trained_at,
        }
