"""The bill of a period, explained: what the teacher was asked and what not, what that cost and saved against
always asking it, and how good the answers were. By day and as a whole, in sums only: rows come page by page.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from serve_app.core.ledger import Entry, fate
from serve_app.core.measured import Measured
from serve_app.core.prompt import instructions
from serve_app.core.tariff import FRAME_TOKENS, Flat, Tariff, most_tokens
from serve_app.core.teacher_reply import cost_usd, reply_schema
from serve_app.core.use_case import Classification, UseCase

AVOIDED = ("student", "cache", "budget")
"""Why a call was not made."""


@dataclass(frozen=True, slots=True)
class Price:
    """Of a call to the teacher. ``on``: the mean of the period's ``calls``, or the provider's ``estimate``
    where it made none; None: nobody knows."""

    usd: float | None
    on: Literal["calls", "estimate"] | None
    calls: int = 0


def price_of(cost_usd: float, calls: int, estimate_usd: float | None) -> Price:
    if calls:
        return Price(cost_usd / calls, "calls", calls)
    return Price(estimate_usd, None if estimate_usd is None else "estimate")


def least_usd(tariff: Tariff, use_case: UseCase, prompt: str) -> float:
    """What a call comes to at least, by the provider's prices: the prompt without a row's data, and the shortest
    reply. For a period in which none was made: a saving is rather told too small than too large."""
    if isinstance(tariff, Flat):
        return tariff.usd
    classes = use_case.target.classes if isinstance(use_case.target, Classification) else ()
    form = json.dumps(reply_schema(classes), ensure_ascii=False)
    tokens_in = FRAME_TOKENS + most_tokens(instructions(prompt)) + most_tokens(form)
    reply = json.dumps({"label": min(classes, key=len), "confidence": 0.9} if classes else {"value": 1.5})
    return cost_usd(tariff.prices, tokens_in, most_tokens(reply))


class Tally:
    """What is counted over some rows."""

    def __init__(self) -> None:
        self.fates: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.audits, self.audits_usd = 0, 0.0
        self.spent_usd, self.called_usd = 0.0, 0.0
        self.kept_usd, self.unpriced = 0.0, 0
        self.measured = Measured()

    def add(self, entry: Entry) -> None:
        became = fate(entry)
        self.fates[became] += 1
        self.spent_usd += entry.cost_usd
        if became == "called":
            self.called_usd += entry.cost_usd
        elif became == "cache":
            self._kept(entry)
        if entry.audited and not entry.deferred:  # asked for the sake of the audit alone
            self.audits += 1
            self.audits_usd += entry.cost_usd
        served = entry.served
        if isinstance(served, str):
            self.classes[served] += 1
        self.measured.add(entry, served, entry.alone)

    def _kept(self, entry: Entry) -> None:
        """A kept answer says what it cost when it was given."""
        saved = (entry.teacher or {}).get("saved_usd")
        self.kept_usd += saved or 0.0
        self.unpriced += saved is None

    def price(self, estimate_usd: float | None) -> Price:
        return price_of(self.called_usd, self.fates["called"], estimate_usd)

    def as_dict(self, price: Price) -> dict[str, Any]:
        saved = self._saved(price)
        always = None if saved["total"] is None else self.spent_usd + saved["total"]
        told = self.measured.as_dict()
        classes = told.pop("classes")
        return {
            "requests": self.fates.total(),
            "calls": {"made": self.fates["called"], "failed": self.fates["failed"], "audits": self.audits},
            "avoided": {name: self.fates[name] for name in AVOIDED},
            "spent_usd": self.spent_usd,
            "audits_usd": self.audits_usd,
            "saved_usd": saved,
            "always_usd": always,
            **told,
            "classes": {name: {"requests": self.classes[name], **each} for name, each in classes.items()},
        }

    def _saved(self, price: Price) -> dict[str, float | None]:
        """None where rows were saved at a price that nobody knows."""
        saved: dict[str, float | None] = {
            "student": _times(self.fates["student"], price),
            "cache": _plus(self.kept_usd, _times(self.unpriced, price)),
            "budget": _times(self.fates["budget"], price),
        }
        total: float | None = 0.0
        for each in saved.values():
            total = _plus(total, each)
        return {**saved, "total": total}


class Savings:
    """Of one use case. ``by_day``: days in UTC, besides the whole."""

    def __init__(self, by_day: bool = False) -> None:
        self.whole = Tally()
        self._days: defaultdict[str, Tally] | None = defaultdict(Tally) if by_day else None

    def add(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.whole.add(entry)
            if self._days is not None:
                self._days[entry.at.date().isoformat()].add(entry)

    def as_dict(self, estimate_usd: float | None = None) -> dict[str, Any]:
        """``estimate_usd``: of a call, by the provider's prices. A day is reckoned at the period's price, so
        that the days add up to the whole."""
        price = self.whole.price(estimate_usd)
        days = sorted((self._days or {}).items())
        return {
            "price": asdict(price),
            "whole": self.whole.as_dict(price),
            "days": [{"day": day, **tally.as_dict(price)} for day, tally in days],
        }


def _times(rows: int, price: Price) -> float | None:
    if rows == 0:
        return 0.0
    return None if price.usd is None else rows * price.usd


def _plus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
