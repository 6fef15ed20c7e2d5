"""Panel features: what they mean, and that they never look ahead."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.core.panel import make_features
from serve_app.core.use_case import PanelMaker

MAKER = PanelMaker(kind="panel", source="prices.csv", item="card_id", day="date", value="price")
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "tradeprices_daily" / "prices.parquet"

Make = Callable[[pd.DataFrame], pd.DataFrame]


def made(prices: pd.DataFrame) -> pd.DataFrame:
    return make_features(prices, MAKER, "fair_price")


def panel(*sales: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(sales, columns=["card_id", "date", "price"])


def random_panel(seed: int, items: int = 6, days: int = 80) -> pd.DataFrame:
    """Sparse, with items that appear late or early, several sales a day, in no order."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2025-01-01", periods=days).strftime("%Y-%m-%d").to_numpy()
    item = rng.integers(0, items, items * days // 3)
    day = np.maximum(rng.integers(0, days, len(item)), item * int(rng.integers(0, 12)))
    price = np.exp(rng.normal(item, 0.5))
    keep = day < days
    return pd.DataFrame({"card_id": [f"c{i}" for i in item[keep]], "date": dates[day[keep]], "price": price[keep]})


def assert_blind_to_the_future(make: Make, prices: pd.DataFrame, day: str) -> None:
    """Rows up to ``day`` are the same bits without the future, and with another one."""
    past = prices["date"] <= day
    whole = make(prices)
    changed = prices.assign(price=np.where(past, prices["price"], prices["price"] * 3 + 1))
    newcomer = pd.DataFrame({"card_id": ["aaa", "b"], "date": "2025-07-01", "price": [7.0, 8.0]})
    others = (prices[past], changed, pd.concat([prices, newcomer]))
    for other in others:
        again = make(other)
        last = min(day, whole["date"].max(), again["date"].max())
        features = [name for name in whole if name != "fair_price"]
        ours, theirs = (each.loc[each["date"] <= last, features].reset_index(drop=True) for each in (whole, again))
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(5, 78))
def test_no_feature_knows_the_future(seed: int, cut: int) -> None:
    prices = random_panel(seed)
    assert_blind_to_the_future(made, prices, max(prices["date"].min(), f"2025-{1 + cut // 28:02d}-{1 + cut % 28:02d}"))


def centred(prices: pd.DataFrame) -> pd.DataFrame:
    """The classic mistake: a window that is centred on the day."""
    table = made(prices)
    smooth = table.groupby("card_id")["market_price"].rolling(3, center=True, min_periods=1).mean()
    return table.assign(smooth=smooth.to_numpy())


def standardised(prices: pd.DataFrame) -> pd.DataFrame:
    """Another one: a mean over all days."""
    table = made(prices)
    return table.assign(level=table["market_price"] - table.groupby("card_id")["market_price"].transform("mean"))


def filled_backwards(prices: pd.DataFrame) -> pd.DataFrame:
    table = made(prices)
    return table.assign(momentum_7=table.groupby("card_id")["momentum_7"].bfill())


def with_the_target(prices: pd.DataFrame) -> pd.DataFrame:
    table = made(prices)
    return table.assign(hint=table["fair_price"])


@pytest.mark.parametrize("leaking", [centred, standardised, filled_backwards, with_the_target])
def test_the_check_catches_a_feature_that_does_know_it(leaking: Make) -> None:
    with pytest.raises(AssertionError):
        assert_blind_to_the_future(leaking, random_panel(1), "2025-02-01")


def test_a_row_for_every_day_from_the_first_price_on() -> None:
    table = made(panel(("b", "2025-01-03", 5.0), ("a", "2025-01-01", 10.0), ("a", "2025-01-04", 20.0)))
    assert list(zip(table["card_id"], table["date"], strict=True)) == [
        ("a", "2025-01-01"), ("a", "2025-01-02"), ("a", "2025-01-03"), ("a", "2025-01-04"),
        ("b", "2025-01-03"), ("b", "2025-01-04"),
    ]  # fmt: skip
    assert table["market_price"].tolist() == [10.0, 10.0, 10.0, 20.0, 5.0, 5.0]


def test_features_by_hand() -> None:
    sales = panel(
        ("a", "2025-01-01", 10.0), ("a", "2025-01-02", 40.0), ("a", "2025-01-04", 20.0), ("b", "2025-01-04", 5.0)
    )
    last = made(sales).set_index(["card_id", "date"]).loc[("a", "2025-01-04")]
    assert last["sales_7"] == 3
    assert last["days_since_sale"] == 0
    assert last["days_listed"] == 3
    assert last["to_median_7"] == 0.0
    assert last["momentum_1"] == pytest.approx(math.log(20 / 40))
    assert last["last_change"] == pytest.approx(math.log(20 / 40))
    assert math.isnan(last["momentum_7"])
    assert last["range_28"] == pytest.approx(math.log(4))
    assert last["volatility_28"] != last["volatility_28"], "two changes are too few"
    assert last["rank_price"] == 1.0
    assert last["day_of_week"] == 5, "a Saturday"


def test_days_since_the_last_sale() -> None:
    table = made(panel(("a", "2025-01-01", 10.0), ("b", "2025-01-05", 1.0)))
    assert table.loc[table["card_id"] == "a", "days_since_sale"].tolist() == [0, 1, 2, 3, 4]


def test_the_target_is_the_median_of_what_came_after() -> None:
    maker = MAKER.model_copy(update={"horizon_days": 3})
    prices = [("a", f"2025-01-{day:02d}", float(day)) for day in (1, 2, 3, 4, 8)]
    table = make_features(panel(*prices), maker, "next").set_index("date")["next"]
    assert table["2025-01-01"] == 3.0, "of days 2, 3 and 4"
    assert table["2025-01-03"] == 4.0, "only day 4 saw a sale"
    assert math.isnan(table["2025-01-04"]), "no sale from day 5 to 7"
    assert table["2025-01-05"] == 8.0
    assert table["2025-01-06":].isna().all(), "the horizon reaches past the data"


def test_prices_that_are_none_count_as_no_sale() -> None:
    good = panel(("a", "2025-01-01", 10.0), ("a", "2025-01-03", 12.0))
    bad = panel(
        ("a", "2025-01-02", 0.0), ("a", "2025-01-02", -1.0), ("a", "2025-01-02", math.nan), ("z", "2025-01-01", 0.0)
    )
    pd.testing.assert_frame_equal(made(pd.concat([bad, good])), made(good), check_exact=True)


def test_several_sales_of_a_day_count_as_their_median() -> None:
    table = made(panel(("a", "2025-01-01", 1.0), ("a", "2025-01-01", 3.0), ("a", "2025-01-01", 100.0)))
    assert table["market_price"].tolist() == [3.0]
    assert table["sales_7"].tolist() == [3.0]


def test_the_order_of_the_sales_does_not_matter() -> None:
    prices = random_panel(3)
    pd.testing.assert_frame_equal(made(prices), made(prices.sample(frac=1, random_state=1)), check_exact=True)


def test_a_panel_without_a_price_is_refused() -> None:
    with pytest.raises(ValueError, match="no price above 0"):
        made(panel(("a", "2025-01-01", 0.0)))


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="the folder of real data is not beside the project")
def test_on_a_real_panel() -> None:
    maker = MAKER.model_copy(update={"item": "item"})
    prices = pd.read_parquet(REAL)

    def make(raw: pd.DataFrame) -> pd.DataFrame:
        raw = raw.rename(columns={"card_id": "item"})
        return make_features(raw, maker, "fair_price")

    table = make(prices)
    assert table["item"].nunique() == 12
    assert len(table) >= len(prices), "every day of the calendar has a row"
    assert table["fair_price"].notna().mean() > 0.99
    renamed = prices.rename(columns={"item": "card_id"})
    assert_blind_to_the_future(make, renamed, "2023-06-30")
