"""What training comes to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainFailure:
    """Why there is no student; an outcome, not an exception."""

    use_case: str
    reason: str


Outcome = dict[str, bytes] | TrainFailure
"""A sealed bundle, or why there is none."""
