"""Features of a panel of sparse prices, point-in-time correct.

One row per (item, day), from the item's first price to the last day of the data. The row of day d is
made from prices up to and including d, and from nothing else: the same bits come out whether or not
the future is there. So only exact cross-sectional statistics are used (ranks and medians, whose
result does not depend on how many items are yet to come), and no sums across items.

All work is done on matrices of days x items with NaN where nothing was sold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from serve_app.core.use_case import PanelMaker

VERSION = 1
"""Raised with every change of what a feature means, so that stored tables are made again."""

MARKET_PRICE = "market_price"

CENTRES = (7, 28, 90)
"""Windows, in days, of the medians that the market price is compared with."""

LAGS = (1, 7, 28)

Floats = npt.NDArray[np.float64]


def make_features(prices: pd.DataFrame, maker: PanelMaker, target: str) -> pd.DataFrame:
    """Features and, as ``target``, the median price of the ``horizon_days`` after each day.

    ``prices`` holds columns ``maker.item``, ``maker.day`` and ``maker.value``, one row a sale, in any
    order; several sales of a day count as their median, and prices that are missing or not above 0
    as no sale. The target is NaN where the horizon reaches past the last day or holds no sale.
    Rows are sorted by item and day; the day is an ISO string, every other column float64.
    """
    daily, counts = _daily(prices, maker)
    matrices = features(daily, counts)
    matrices[target] = future_centre(daily, maker.horizon_days)
    return _long(matrices, maker)


def features(daily: pd.DataFrame, counts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Feature matrices by name, from daily prices and the number of sales (days x items)."""
    market = daily.ffill()
    level = _log(market)
    made = {MARKET_PRICE: market}
    made |= _sales(daily, counts)
    made |= {f"to_median_{days}": level - _log(_median(daily, days)) for days in CENTRES}
    made |= {"to_smooth_14": level - _smooth(daily, 14), "to_smooth_60": level - _smooth(daily, 60)}
    made |= {f"momentum_{days}": level - level.shift(days) for days in LAGS}
    made |= _spread(daily)
    made |= _among_items(made)
    return made | _calendar(market)


def future_centre(daily: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """The median price in (d, d + horizon], NaN for the last ``horizon`` days of the data."""
    centre = _median(daily.iloc[::-1], horizon).iloc[::-1].shift(-1)
    centre.iloc[-horizon:] = np.nan
    return centre


def _daily(prices: pd.DataFrame, maker: PanelMaker) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Price and number of sales, days x items, on every day of the calendar."""
    sold = pd.DataFrame(
        {
            "day": pd.to_datetime(prices[maker.day]).dt.normalize(),
            "item": prices[maker.item].astype(str),
            "price": prices[maker.value].astype(np.float64),
        }
    )
    sold = sold[np.isfinite(sold["price"]) & (sold["price"] > 0)]
    if sold.empty:
        raise ValueError("the panel holds no price above 0")
    grouped = sold.groupby(["day", "item"])["price"]
    calendar = pd.date_range(sold["day"].min(), sold["day"].max(), freq="D")
    daily = grouped.median().unstack().sort_index(axis=1).reindex(calendar)
    counts = grouped.size().unstack().sort_index(axis=1).reindex(calendar)
    return daily.astype(np.float64), counts.fillna(0).astype(np.float64)


def _sales(daily: pd.DataFrame, counts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """How lively trade is. Counts are small whole numbers, so their rolling sums are exact."""
    made = {f"sales_{days}": counts.rolling(days, min_periods=1).sum() for days in (7, 28)}
    age = np.arange(len(daily), dtype=np.float64)[:, None]
    sold_on = daily.notna().to_numpy() * 1.0
    sold_on = np.where(sold_on > 0, age, np.nan)
    last = _frame(sold_on, daily).ffill().to_numpy()
    first = _frame(sold_on, daily).bfill().to_numpy()[0]
    seen = age >= first
    return made | {
        "days_since_sale": _frame(age - last, daily),
        "days_listed": _frame(np.where(seen, age - first, np.nan), daily),
    }


def _spread(daily: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """How far prices move from sale to sale, and where the last one stands in its range."""
    logs = _log(daily)
    change = logs - logs.ffill().shift(1)
    window = daily.rolling(28, min_periods=1)
    return {
        "last_change": change.ffill(),
        "volatility_28": change.rolling(28, min_periods=3).std(),
        "range_28": _log(window.max()) - _log(window.min()),
    }


def _among_items(made: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Ranks among the items known on the day, as shares in (0, 1], and the median item's move."""
    ranked = {"momentum_7": "momentum_7", "momentum_28": "momentum_28", "deviation": "to_median_28"}
    ranks = {f"rank_{name}": made[source].rank(axis=1, pct=True) for name, source in ranked.items()}
    ranks["rank_price"] = made[MARKET_PRICE].rank(axis=1, pct=True)
    return ranks | {f"market_momentum_{days}": _across(made[f"momentum_{days}"]) for days in (7, 28)}


def _across(matrix: pd.DataFrame) -> pd.DataFrame:
    """The day's median over items, in every column."""
    centre = matrix.median(axis=1).to_numpy()[:, None]
    return _frame(np.broadcast_to(centre, matrix.shape).copy(), matrix)


def _calendar(market: pd.DataFrame) -> dict[str, pd.DataFrame]:
    days = pd.DatetimeIndex(market.index)
    parts = {"day_of_week": days.day_of_week, "day_of_month": days.day}
    return {name: _frame(_column(part, market), market) for name, part in parts.items()}


def _column(part: Any, like: pd.DataFrame) -> Floats:
    values = np.asarray(part, dtype=np.float64)[:, None]
    return np.broadcast_to(values, like.shape).copy()


def _median(daily: pd.DataFrame, days: int) -> pd.DataFrame:
    return daily.rolling(days, min_periods=1).median()


def _smooth(daily: pd.DataFrame, halflife: int) -> pd.DataFrame:
    """Log price, averaged with weights that halve every ``halflife`` days; days without a sale
    carry none."""
    return _log(daily).ewm(halflife=halflife).mean()


def _log(matrix: pd.DataFrame) -> pd.DataFrame:
    return _frame(np.log(np.ascontiguousarray(matrix.to_numpy())), matrix)


def _frame(values: npt.NDArray[Any], like: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(values, index=like.index, columns=like.columns)


def _long(matrices: dict[str, pd.DataFrame], maker: PanelMaker) -> pd.DataFrame:
    """Matrices to rows, item by item, from each item's first price on."""
    market = matrices[MARKET_PRICE]
    item, day = np.nonzero(market.notna().to_numpy().T)
    days = pd.DatetimeIndex(market.index).strftime("%Y-%m-%d").to_numpy(dtype=object)
    keys = {maker.item: market.columns.to_numpy(dtype=object)[item], maker.day: days[day]}
    return pd.DataFrame(keys | {name: matrix.to_numpy()[day, item] for name, matrix in matrices.items()})
