"""Money: which accounts a question is paid from, who goes first when they are short, and what a call came to.

    reserve the worst case -> ask -> settle the true cost; what is left over is there for the next

Where money is short, rows are paid in this order, each as long as it can still be paid:

    rows that chance chose for the audit   in their own order: every guarantee and every estimate rests on
                                           them, and a sample that was thinned by worth is no sample
    the others                             value of the student's class x chance that the student is wrong

The rest is the student's (degraded) or a person's, as ``when_short`` says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from serve_app.core.answers import (
    ClassAnswers,
    Failure,
    NoStudent,
    StudentAnswers,
    TeacherFailure,
    TeacherReply,
    ValueAnswers,
)
from serve_app.core.buckets import went_too_often
from serve_app.core.ports import Limit
from serve_app.core.use_case import Budget

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

UNPAID: frozenset[Failure] = frozenset({"budget", "budget_unavailable"})
"""Why a row that was to be asked about was not."""

NOBODY_THERE: frozenset[Failure] = frozenset({"no_teacher", "not_recorded"})
"""Why a question reached no teacher at all, and cost nothing."""

NOBODY = "local"
"""On whose account those ask who gave no name."""

Span = Literal["day", "month", "user_day"]


def limits_of(budget: Budget, use_case: str, user: str | None, now: datetime) -> list[Limit]:
    """The accounts that a question of ``user`` is paid from at ``now``; none where nothing is limited. A
    use case's name holds no colon, and a user's, which may, stands last: no two accounts are one."""
    return [limit for _, limit in limits_by_span(budget, use_case, user, now)]


def limits_by_span(budget: Budget, use_case: str, user: str | None, now: datetime) -> list[tuple[Span, Limit]]:
    at = now.astimezone(UTC)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = midnight + timedelta(days=1)
    next_month = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    day, month = f"{at:%Y-%m-%d}", f"{at:%Y-%m}"
    every: list[tuple[Span, float | None, str, datetime]] = [
        ("day", budget.per_day_usd, f"{use_case}:day:{day}", tomorrow),
        ("month", budget.per_month_usd, f"{use_case}:month:{month}", next_month),
        ("user_day", budget.per_user_day_usd, f"{use_case}:user_day:{day}:{user or NOBODY}", tomorrow),
    ]
    return [(span, Limit(key, usd, resets_at)) for span, usd, key, resets_at in every if usd is not None]


def limits_shown(
    use_case: str, budget: Budget, user: str | None, now: datetime, spent: Mapping[str, float]
) -> list[dict[str, Any]]:
    """The limits of a use case as whoever operates it sees them. ``spent``: by account."""
    return [
        {
            "use_case": use_case,
            "limit": span,
            "user": (user or NOBODY) if span == "user_day" else None,
            "usd": limit.usd,
            "spent_usd": spent[limit.key],
            "remaining_usd": max(0.0, limit.usd - spent[limit.key]),
            "resets_at": limit.resets_at.isoformat(),
            "when_short": budget.when_short,
        }
        for span, limit in limits_by_span(budget, use_case, user, now)
    ]


def worth(budget: Budget, answers: StudentAnswers) -> Floats:
    """(n,): what the teacher's answer is worth for each row. Of a number, the chance that the student is
    wrong is taken to be its interval's width over the value, at most 1."""
    match answers:
        case NoStudent():
            return np.ones(len(answers))
        case ValueAnswers():
            size = np.maximum(np.abs(answers.value), np.finfo(float).tiny)
            return np.asarray(np.minimum((answers.high - answers.low) / size, 1.0))
        case ClassAnswers():
            value = np.array([budget.value.get(name, 1.0) for name in answers.classes])
            return np.asarray(value[answers.best()] * (1 - answers.probabilities.max(axis=1)))


def first_served(value: Floats, audited: Bools) -> npt.NDArray[np.intp]:
    """The rows in the order in which they are paid: (n,). Equals keep their order."""
    rank = np.where(audited, np.inf, value)
    return np.asarray(np.argsort(-rank, kind="stable"), dtype=np.intp)


def affordable(order: Iterable[int], costs: Floats, usd: float) -> list[int]:
    """Of the rows in ``order`` those that ``usd`` pays for, by ``costs`` (n,). One that is too dear is passed
    over, so that it does not keep cheaper ones from what is left."""
    paid, left = [], usd
    for row in order:
        if costs[row] <= left + TOLERANCE_USD:
            paid.append(row)
            left -= float(costs[row])
    return paid


TOLERANCE_USD = 5e-13
"""Half of what the stores count in: sums of floats may be off by less. The store has the last word."""


def left_over(limits: Sequence[Limit], spent: Mapping[str, float]) -> float:
    """What all limits together leave: that of the shortest."""
    return max(0.0, min(limit.usd - spent[limit.key] for limit in limits))


def money_again(limits: Sequence[Limit], spent: Mapping[str, float], usd: float) -> datetime:
    """When ``usd`` can be paid again: once the last of the limits that are short of it begins anew."""
    short = [limit for limit in limits if limit.usd - spent[limit.key] < usd]
    return max(limit.resets_at for limit in short or limits)


def seconds_until(moment: datetime | None, now: datetime) -> int | None:
    """Whole ones, at least one, so that whoever waits them is not too early."""
    return None if moment is None else max(1, math.ceil((moment - now).total_seconds()))


def came_to(reply: TeacherReply, most: float) -> float:
    """What a call is settled at. Of one that broke off nobody knows whether the provider charges for it, so
    that ``most``, all that was set aside, stays spent."""
    if isinstance(reply, TeacherFailure) and _broke_off(reply):
        return max(most, reply.cost_usd)
    return reply.cost_usd


def _broke_off(reply: TeacherFailure) -> bool:
    """``deadline`` is also said of questions that nobody got round to: those took no time."""
    return reply.reason in ("timeout", "connection_error") or (reply.reason == "deadline" and reply.latency_ms > 0)


def unpaid(why: Failure, budget: Budget) -> TeacherFailure:
    """The reply to a question that was not asked for want of money."""
    return TeacherFailure(why, to_person=budget.when_short == "review")


def without_audit(replies: Mapping[int, TeacherReply], deferred: Bools) -> dict[int, TeacherReply]:
    """``replies`` by row, less those of rows that only an audit was to ask about, and did not, since nobody paid for
    it, its caller asks too often or nobody was there to ask: the student was sure of them, and its answer stands as if
    chance had passed them over."""
    return {row: reply for row, reply in replies.items() if deferred[row] or not _went_unasked(reply)}


def _went_unasked(reply: TeacherReply) -> bool:
    return went_too_often(reply) or (isinstance(reply, TeacherFailure) and reply.reason in UNPAID | NOBODY_THERE)


def is_unpaid(reply: TeacherReply | None) -> bool:
    return isinstance(reply, TeacherFailure) and reply.reason in UNPAID
