"""The sample of card prices, and the use case that is made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.demo.cards import make_prices, to_csv
from serve_app.adapters.config_files import load_use_case
from serve_app.core.panel import make_features
from serve_app.core.use_case import DecideRoute, PredictRoute, ValuesRoute

FOLDER = Path(__file__).parents[2] / "configs" / "use_cases" / "card_price"


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    return make_prices()


def test_the_committed_file_is_what_its_seed_makes(prices: pd.DataFrame) -> None:
    assert (FOLDER / "prices.csv").read_bytes() == to_csv(prices).encode()


def test_another_seed_makes_another_panel(prices: pd.DataFrame) -> None:
    assert to_csv(make_prices(seed=1)) != to_csv(prices)


def test_forty_cards_over_four_hundred_days(prices: pd.DataFrame) -> None:
    assert prices["card_id"].nunique() == 40
    assert prices["card_id"].str.fullmatch(r"[a-z]+(_[a-z]+)+_\d{3}").all()
    days = pd.to_datetime(prices["date"])
    assert (days.max() - days.min()).days == 399
    assert not prices.duplicated(["card_id", "date"]).any()


def test_prices_are_whole_cents_and_far_apart(prices: pd.DataFrame) -> None:
    assert (prices["price"] > 0).all()
    np.testing.assert_allclose(prices["price"] * 100, (prices["price"] * 100).round(), atol=1e-6)
    typical = prices.groupby("card_id")["price"].median()
    assert typical.min() < 5
    assert typical.max() > 500


def test_sales_are_sparse_and_prices_jump(prices: pd.DataFrame) -> None:
    days_sold = prices.groupby("card_id").size()
    assert days_sold.min() < 80
    assert days_sold.max() > 300
    smooth = np.log(prices["price"]).groupby(prices["card_id"]).transform(lambda p: p.rolling(5).median())
    week = smooth.groupby(prices["card_id"]).diff(7)
    assert week.max() > 0.3
    assert week.min() < -0.25


def test_noise_reverts(prices: pd.DataFrame) -> None:
    """A price above its own past falls more often than not: that is what can be learned."""
    use_case = load_use_case(FOLDER)
    assert use_case.feature_table is not None
    table = make_features(prices, use_case.feature_table.maker, "next")
    known = table[table["next"].notna() & table["to_median_28"].notna()]
    move = np.log(known["next"] / known["market_price"])
    assert np.corrcoef(known["to_smooth_14"], move)[0, 1] < -0.3


def test_the_use_case_names_every_feature_that_is_made(prices: pd.DataFrame) -> None:
    use_case = load_use_case(FOLDER)
    table = use_case.feature_table
    assert table is not None
    made = make_features(prices, table.maker, use_case.target.column)
    assert set(made) == {*table.keys, *table.columns, use_case.target.column}


def test_what_the_student_sees() -> None:
    use_case = load_use_case(FOLDER)
    assert "market_price" in use_case.features()
    assert not {"card_id", "date", "fair_price", "buy_threshold_pct"} & set(use_case.features())


def test_the_calls_of_seed_001() -> None:
    fair, cards, signal = load_use_case(FOLDER).routes
    assert isinstance(fair, PredictRoute)
    assert fair.path == "/fair_price"
    assert list(fair.answer) == ["card_id", "date", "market_price", "fair_price", "deviation_pct", "signal"]
    assert isinstance(cards, ValuesRoute)
    assert (cards.path, cards.field, cards.answer) == ("/cards", "card_id", "cards")
    assert isinstance(signal, DecideRoute)
    assert signal.path == "/signal"
    assert set(signal.inputs) == {"market_price", "fair_price", "buy_threshold_pct", "sell_threshold_pct"}
    assert set(signal.answer) == {"signal", "deviation_pct", "market_price", "fair_price"}


def test_the_example_of_seed_001_can_be_asked(prices: pd.DataFrame) -> None:
    card = prices[prices["card_id"] == "charizard_ex_199"]
    assert card["date"].min() <= "2025-12-01" <= prices["date"].max()
