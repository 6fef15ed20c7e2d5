"""Simulated worlds, in which the true risk of every threshold is known.

A **world** is a use case of 2 to 20 classes of very unlike size, with a target of 0.85, 0.9 or 0.95 and 1
to 4 retrains. A student's answer has a confidence; how often the reference agrees rises with it, at a pace
and an offset of each class's own (no student is quite calibrated). Means and spreads are those of linear
models on tickets, banking77 and headlines, where log-odds of the top class were 1.6 to 3.5 on average with
a spread of 1.9 to 2.5, and agreement rose with them at 0.87 to 1.09. Some classes have a **pocket**: rows of
a kind that nobody has ever labelled, of which student after student is sure and often wrong.

The world **drifts**: between retrains all of that changes, and during the time that the evidence is of it
goes on to change, in ``PARTS`` steps.

Rows that were **escalated** since a student was unsure of them are worse evidence in two ways. The next student has
learned from them: of its errors on them it is assumed to make only 1 - ``BY_HEART`` any more, and it is this
assumption that makes nearly all of the false certificates. And they are selected: that by itself errs mostly on the
safe side, since of such rows the student is wrong more often than of others, and so costs coverage; it errs on the
other side only for pockets, of which hardly a row is escalated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from serve_app.core.evidence import Evidence

Floats = npt.NDArray[np.float64]

TARGETS = (0.85, 0.9, 0.95)
PARTS = 4
LOG_ODDS = np.linspace(-6, 14, 1001)
"""Confidences at which the truth is reckoned, as log-odds."""

BY_HEART = 0.8
"""The share of a student's errors on its own lessons that it does not make any more: assumed, not measured."""


@dataclass(frozen=True)
class Kind:
    """Of rows with one answer, all (classes,): their log-odds are normal, and the reference agrees with the
    chance sigmoid(offset + pace * log-odds), save in the pocket."""

    share: Floats
    mean: Floats
    spread: Floats
    offset: Floats
    pace: Floats
    pocket: Floats
    pocket_mean: Floats
    pocket_agrees: Floats

    def toward(self, other: Kind, part: float) -> Kind:
        values = {name: (1 - part) * getattr(self, name) + part * getattr(other, name) for name in vars(self)}
        return Kind(**values)


@dataclass(frozen=True)
class Period:
    """The time between two retrains, in ``PARTS`` parts, with the student that is to be certified."""

    parts: tuple[Kind, ...]

    @property
    def classes(self) -> list[str]:
        return [f"c{place}" for place in range(len(self.parts[0].share))]


@dataclass(frozen=True)
class World:
    target: float
    periods: tuple[Period, ...]


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def world(chance: np.random.Generator, classes: int | None = None) -> World:
    count = classes or int(chance.integers(2, 21))
    kind, periods = _kind(chance, count), []
    for _ in range(int(chance.integers(1, 5))):
        begins = _drifted(chance, kind)
        kind = _drifted(chance, begins)
        periods.append(Period(tuple(begins.toward(kind, part) for part in np.linspace(0, 1, PARTS))))
    return World(float(chance.choice(TARGETS)), tuple(periods))


def _kind(chance: np.random.Generator, count: int) -> Kind:
    return Kind(
        share=chance.dirichlet(np.full(count, chance.uniform(0.5, 3.0))),
        mean=chance.normal(3.0, 1.0, count),
        spread=chance.uniform(1.6, 2.6, count),
        offset=chance.normal(0.3, 0.5, count),
        pace=chance.uniform(0.75, 1.15, count),
        pocket=np.where(chance.random(count) < 0.3, chance.uniform(0.0, 0.1, count), 0.0),
        pocket_mean=chance.normal(4.0, 0.5, count),
        pocket_agrees=chance.uniform(0.1, 0.6, count),
    )


def _drifted(chance: np.random.Generator, kind: Kind) -> Kind:
    count = len(kind.share)
    share = kind.share * np.exp(chance.normal(0, 0.3, count))
    grows = chance.random(count) < 0.1
    return replace(
        kind,
        share=share / share.sum(),
        mean=kind.mean + chance.normal(0.1, 0.2, count),
        offset=kind.offset + chance.normal(0.0, 0.2, count),
        pocket=np.where(grows, chance.uniform(0.0, 0.1, count), kind.pocket),
    )


@dataclass(frozen=True)
class Rows:
    """Rows of the live stream: the place of the student's answer, its confidence, whether the reference
    agrees, and the log-odds of the student before it."""

    answered: npt.NDArray[np.intp]
    confidence: Floats
    agrees: npt.NDArray[np.bool_]
    before: Floats

    def evidence(self) -> Evidence:
        return Evidence(self.answered, self.confidence, self.agrees)

    def by_class(self, classes: list[str]) -> dict[str, Floats]:
        return {name: self.confidence[self.answered == place] for place, name in enumerate(classes)}


def rows(chance: np.random.Generator, period: Period, count: int) -> Rows:
    """Live rows of any moment of the period, chosen by chance alone."""
    each = {name: np.concatenate([getattr(part, name) for part in period.parts]) for name in vars(period.parts[0])}
    ends = np.cumsum(each["share"])
    place = np.minimum(np.searchsorted(ends, chance.random(count) * ends[-1], side="right"), len(ends) - 1)
    mine = {name: values[place] for name, values in each.items()}
    pocket = chance.random(count) < mine["pocket"]
    usual = mine["mean"] + mine["spread"] * chance.standard_normal(count)
    log_odds = np.where(pocket, mine["pocket_mean"] + 0.5 * chance.standard_normal(count), usual)
    agrees = np.where(pocket, mine["pocket_agrees"], sigmoid(mine["offset"] + mine["pace"] * log_odds))
    before = log_odds + np.where(pocket, 0.3, 1.5) * chance.standard_normal(count)
    return Rows(place % len(period.classes), sigmoid(log_odds), chance.random(count) < agrees, before)


def escalated(
    chance: np.random.Generator, period: Period, count: int, by_heart: float = BY_HEART, threshold: float = 0.8
) -> Rows:
    """Rows of which the student before was unsure: all that a cascade has labels of without an audit, and so
    what the student has learned from. ``by_heart``: 0 for labels that it was never shown. At most ``count``."""
    found = rows(chance, period, 6 * count)
    kept = np.flatnonzero(found.before < np.log(threshold / (1 - threshold)))[:count]
    known = chance.random(len(kept)) < by_heart
    return Rows(found.answered[kept], found.confidence[kept], found.agrees[kept] | known, found.before[kept])


@dataclass(frozen=True)
class Truth:
    """By class and threshold (classes, log-odds): the share of all rows that is answered alone at or above
    it, and the share of those that the reference disagrees with."""

    coverage: Floats
    risk: Floats

    @classmethod
    def of(cls, parts: tuple[Kind, ...]) -> Truth:
        answered = np.zeros((len(parts[0].share), len(LOG_ODDS)))
        wrong = answered.copy()
        for kind in parts:
            k = {name: values[:, None] for name, values in vars(kind).items()}
            usual = (1 - k["pocket"]) * _density(k["mean"], k["spread"])
            odd = k["pocket"] * _density(k["pocket_mean"], 0.5)
            disagrees = 1 - sigmoid(k["offset"] + k["pace"] * LOG_ODDS)
            answered += k["share"] / len(parts) * (usual + odd)
            wrong += k["share"] / len(parts) * (usual * disagrees + odd * (1 - k["pocket_agrees"]))
        above, wrong_above = (np.cumsum(each[:, ::-1], axis=1)[:, ::-1] for each in (answered, wrong))
        return cls(above, wrong_above / np.maximum(above, 1e-12))

    def at(self, confidences: Floats) -> tuple[Floats, Floats]:
        """Coverage and risk (classes,) of one threshold a class; NaN and 0 stand for none, and all."""
        held = np.clip(confidences, 1e-6, 1 - 1e-12)
        place = np.searchsorted(LOG_ODDS, np.log(held / (1 - held)))
        place = np.where(np.isnan(confidences), len(LOG_ODDS) - 1, np.minimum(place, len(LOG_ODDS) - 1))
        each = np.arange(len(confidences))
        none = np.isnan(confidences)
        return np.where(none, 0.0, self.coverage[each, place]), np.where(none, 0.0, self.risk[each, place])

    def best(self, target: float) -> Floats:
        """The coverage (classes,) of the lowest thresholds that are within the target."""
        return np.max(self.coverage * (self.risk <= 1 - target), axis=1)

    def whole(self) -> Truth:
        """As one class."""
        coverage = self.coverage.sum(axis=0, keepdims=True)
        return Truth(coverage, (self.coverage * self.risk).sum(axis=0, keepdims=True) / np.maximum(coverage, 1e-12))


def _density(mean: Floats, spread: Floats | float) -> Floats:
    weights = np.exp(-0.5 * ((LOG_ODDS - mean) / spread) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)
