"""The decision: a verdict becomes an action. Ticket to queue, price to BUY / SELL / HOLD, score to
ALERT / WATCH / OK. Policies know values and thresholds, never a use case's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from serve_app.core.answers import Act, Acts, Verdict
from serve_app.core.config import Config
from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.rows import Rows

Percent = Annotated[float, Field(ge=0, le=10)]

UNANSWERED = "REVIEW"

_LIMITS = ("buy_threshold_pct", "sell_threshold_pct")
"""What a row may bring along, under these names."""


class Route(Config):
    """The label goes to a queue: ``ROUTE`` to ``targets[label]``, or to ``default``."""

    kind: Literal["route"]
    action: str = "ROUTE"
    targets: dict[str, str] = {}
    default: str | None = None


class Label(Config):
    """The label is the action, unless ``actions`` gives it another name."""

    kind: Literal["label"]
    actions: dict[str, str] = {}


class PriceSignal(Config):
    """BUY, SELL or HOLD by ``deviation_pct = (market - fair) / fair``, a share, not a percentage
    (-0.1 is ten per cent under the fair price, as in the seed document): BUY at or below
    -buy_threshold_pct, SELL at or above sell_threshold_pct. Either threshold may come with the row."""

    kind: Literal["price_signal"]
    market: str = "market_price"
    fair: str = "fair_price"
    buy_threshold_pct: Percent = 0.1
    sell_threshold_pct: Percent = 0.15


class Band(Config):
    action: str
    at_least: Annotated[float, Field(ge=0, le=1)]


class ScoreBands(Config):
    """The first band, from the highest, whose ``at_least`` the score reaches; else ``otherwise``."""

    kind: Literal["score_bands"]
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]
    otherwise: str = "OK"

    @model_validator(mode="after")
    def _descending(self) -> Self:
        limits = [band.at_least for band in self.bands]
        if limits != sorted(set(limits), reverse=True):
            raise ValueError("bands must stand from the highest at_least to the lowest, each once")
        return self


Decision = Annotated[Route | Label | PriceSignal | ScoreBands, Field(discriminator="kind")]


def decide(policy: Decision, verdict: Verdict, row: Mapping[str, Any]) -> Act:
    """The action for one row; ``row`` holds its validated input and looked-up features."""
    if verdict.label is None and verdict.value is None:
        return Act(UNANSWERED)
    match policy:
        case Route():
            return Act(policy.action, policy.targets.get(verdict.label or "", policy.default))
        case Label():
            return Act(policy.actions.get(verdict.label or "", verdict.label or UNANSWERED))
        case PriceSignal():
            return _signal(policy, row.get(policy.market), verdict.value, row)
        case ScoreBands():
            return _band(policy, verdict.score)


def decide_all(policy: Decision, verdicts: Sequence[Verdict], rows: Rows) -> Acts:
    """One act a row, in order. ``rows`` need hold no more than the policy looks at."""
    if isinstance(policy, Route | Label):  # the same for every row of a label
        kinds = [(verdict.label, verdict.value is None) for verdict in verdicts]
        each = dict(zip(kinds, verdicts, strict=True))
        known = {kind: decide(policy, verdict, {}) for kind, verdict in each.items()}
        return Acts(map(known.__getitem__, kinds))
    records = rows.records() if rows.names else repeat({}, len(verdicts))
    return Acts(decide(policy, verdict, record) for verdict, record in zip(verdicts, records, strict=True))


def looked_at(policy: Decision, rows: Rows) -> Rows:
    """Of ``rows`` what ``decide`` reads."""
    if not isinstance(policy, PriceSignal):
        return Rows({})
    return rows.select([name for name in (policy.market, *_LIMITS) if name in rows.names])


def decide_alone(policy: Decision, row: Mapping[str, Any]) -> Act:
    """The policy over given values, with no prediction (seed 001's ``POST /signal``)."""
    if not isinstance(policy, PriceSignal):
        raise InvalidInput(f"a policy of kind {policy.kind} needs a prediction")
    fair = row.get(policy.fair)
    if fair is not None and fair <= 0:
        expected = "a fair price above 0, or there is nothing to compare with"
        raise InvalidInput("no signal without a positive fair price", [FieldError(policy.fair, str(fair), expected)])
    return _signal(policy, row.get(policy.market), fair, row)


def _signal(policy: PriceSignal, market: float | None, fair: float | None, row: Mapping[str, Any]) -> Act:
    if market is None or fair is None or fair <= 0:
        return Act(UNANSWERED)
    deviation = (market - fair) / fair
    details = {"deviation_pct": deviation, policy.market: market}
    buy, sell = (_of(row, name, policy) for name in _LIMITS)
    return Act(_side(deviation, buy, sell), details=details)


def _side(deviation: float, buy: float, sell: float) -> str:
    if deviation <= -buy:
        return "BUY"
    return "SELL" if deviation >= sell else "HOLD"


def _of(row: Mapping[str, Any], name: str, policy: PriceSignal) -> float:
    given = row.get(name)
    return float(getattr(policy, name) if given is None else given)


def _band(policy: ScoreBands, score: float | None) -> Act:
    if score is None:
        return Act(UNANSWERED)
    reached = (band.action for band in policy.bands if score >= band.at_least)
    return Act(next(reached, policy.otherwise), details={"score": score})
