"""A panel of card prices that the project makes itself: seeded, sparse, untidy.

    python -m pipelines.demo.cards > configs/use_cases/card_price/prices.csv

Every card has a latent fair price: a market-wide drift, a drift of its own, and jumps (a reprint
takes a price down for good, hype takes it up and fades). A sale is made at the fair price times
listing noise that reverts within days, so where a price stands against its own past says something
about where it will go. Many days see no sale of a card at all.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

SEED = 199
FIRST_DAY = "2024-11-27"
CREATURES = (
    "emberfox", "tidewyrm", "mossback", "voltwing", "gloomcat", "frostmane", "cinderowl", "pebblit", "lunamoth",
    "thornling", "aquafin", "dusklynx", "sparkmouse", "ironhide", "windrake", "mirefrog", "solarion", "nightbat",
    "coralisk", "ashviper",
)  # fmt: skip
RARITIES = ("ex", "v", "vmax", "gx", "holo", "full_art")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Daily standard deviations of log prices, and what reverts how quickly."""

    market: float = 0.006
    own: float = 0.007
    listing: float = 0.07
    listing_kept: float = 0.75
    sale: float = 0.06


def make_prices(cards: int = 40, days: int = 400, seed: int = SEED) -> pd.DataFrame:
    """One row a day with a sale: ``card_id``, ``date`` (ISO), ``price`` (dollars, whole cents), by
    card and day."""
    rng = np.random.default_rng(seed)
    prices = np.exp(_fair(rng, days, cards) + _listing(rng, days, cards, Noise()))
    sold = _sold(rng, days, cards)
    return _rows(_names(rng, cards), np.round(np.maximum(prices, 0.25), 2), sold)


def _fair(rng: np.random.Generator, days: int, cards: int) -> Floats:
    """Log of the fair price, days x cards; the first day's levels lie between 2 and 900 dollars."""
    noise = Noise()
    start = rng.permutation(np.linspace(np.log(2.0), np.log(900.0), cards))
    season = 0.0008 * np.sin(2 * np.pi * np.arange(days) / 180)
    market = (season + rng.normal(0, noise.market, days))[:, None] * rng.uniform(0.5, 1.5, cards)
    steps = market + rng.normal(0, noise.own, (days, cards)) + rng.normal(0, 0.0004, cards)
    return start + np.cumsum(steps, axis=0) + _reprints(rng, days, cards) + _hype(rng, days, cards)


def _reprints(rng: np.random.Generator, days: int, cards: int) -> Floats:
    """About one card in three is reprinted: a quarter to a half off, over about a week, for good."""
    when = rng.integers(30, days, cards)
    size = np.where(rng.random(cards) < 0.35, rng.uniform(0.25, 0.6, cards), 0.0)
    since = np.maximum(np.arange(days)[:, None] - when, 0)
    return np.asarray(-size * (1 - np.exp(-since / 4)))


def _hype(rng: np.random.Generator, days: int, cards: int) -> Floats:
    """Every day, one card in 250 leaps by a third to double, and loses half of that in two weeks."""
    leaps = np.where(rng.random((days, cards)) < 0.004, rng.uniform(0.3, 0.7, (days, cards)), 0.0)
    return _decayed(leaps, 0.5 ** (1 / 14))


def _listing(rng: np.random.Generator, days: int, cards: int, noise: Noise) -> Floats:
    """What buyers and sellers add: a part that reverts within days, and a part of each sale alone."""
    listed = _decayed(rng.normal(0, noise.listing, (days, cards)), noise.listing_kept)
    return np.asarray(listed + rng.normal(0, noise.sale, (days, cards)))


def _decayed(shocks: Floats, kept: float) -> Floats:
    out = np.zeros_like(shocks)
    for day in range(len(shocks)):
        out[day] = shocks[day] + (kept * out[day - 1] if day else 0.0)
    return out


def _sold(rng: np.random.Generator, days: int, cards: int) -> npt.NDArray[np.bool_]:
    """Some cards are sold nearly daily, some about once in ten days; a few were not there at first."""
    chance = rng.uniform(0.1, 0.95, cards)
    listed_from = np.where(rng.random(cards) < 0.15, rng.integers(1, max(2, days // 3), cards), 0)
    there = np.arange(days)[:, None] >= listed_from
    return np.asarray((rng.random((days, cards)) < chance) & there)


def _names(rng: np.random.Generator, cards: int) -> list[str]:
    """The first is the one that seed 001's example asks for."""
    numbers = rng.permutation(np.arange(1, 200 + cards))
    made = (f"{CREATURES[i % len(CREATURES)]}_{rng.choice(RARITIES)}_{numbers[i]:03d}" for i in range(cards - 1))
    return ["charizard_ex_199", *made]


def _rows(names: list[str], prices: Floats, sold: npt.NDArray[np.bool_]) -> pd.DataFrame:
    dates = pd.date_range(FIRST_DAY, periods=len(prices), freq="D").strftime("%Y-%m-%d").to_numpy(dtype=object)
    card, day = np.nonzero(sold.T)
    rows = {"card_id": np.array(names, dtype=object)[card], "date": dates[day], "price": prices[day, card]}
    return pd.DataFrame(rows).sort_values(["card_id", "date"], ignore_index=True)


def to_csv(prices: pd.DataFrame) -> str:
    return str(prices.to_csv(index=False, float_format="%.2f", lineterminator="\n"))


if __name__ == "__main__":
    sys.stdout.write(to_csv(make_prices()))
