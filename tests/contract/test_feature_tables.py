"""The laws of every FeatureTables, and what only the one on files does."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serve_app.adapters.memory_feature_tables import MemoryFeatureTables
from serve_app.adapters.parquet_feature_tables import ParquetFeatureTables, table_path
from serve_app.core.errors import InvalidInput, NotFound, Unavailable, UnknownKey
from serve_app.core.ports import FeatureTables
from serve_app.core.rows import Rows, text_column
from serve_app.core.use_case import CategoricalField, FeatureTable, NumericField, PanelMaker

TABLE = FeatureTable(
    file="features.parquet",
    keys=("card_id", "date"),
    columns={
        "market_price": NumericField(kind="numeric"),
        "momentum": NumericField(kind="numeric", required=False),
        "set": CategoricalField(kind="categorical", required=False),
    },
    maker=PanelMaker(kind="panel", source="prices.csv", item="card_id", day="date", value="price"),
)


def content(price: float = 10.0, days: int = 5) -> pd.DataFrame:
    """Card ``early`` from the 1st on, card ``late`` from the 3rd on, in no order."""
    dates = [f"2025-01-{day:02d}" for day in range(1, days + 1)]
    rows = [("late", day, price * 2, np.nan, None) for day in dates[2:]]
    rows += [("early", day, price + i, 0.5 * i, "base") for i, day in enumerate(dates)]
    return pd.DataFrame(rows, columns=["card_id", "date", "market_price", "momentum", "set"])


def asked(*keys: tuple[str | None, str | None]) -> Rows:
    cards, days = zip(*keys, strict=True) if keys else ((), ())
    return Rows({"card_id": text_column(cards), "date": text_column(days), "extra": np.arange(len(keys)) * 1.0})


class World:
    """One adapter, with the table of ``priced`` made and that of ``unmade`` not yet."""

    def __init__(self, tables: FeatureTables, replace: Callable[[pd.DataFrame], None]) -> None:
        self.tables, self.replace = tables, replace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def write(path: Path, frame: pd.DataFrame) -> None:
    """As the pipeline does: a new file renamed over the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path.with_suffix(".new"))
    os.replace(path.with_suffix(".new"), path)


def in_memory(_: Path) -> World:
    tables = MemoryFeatureTables({"priced": (TABLE, content()), "unmade": (TABLE, None)})
    return World(tables, lambda frame: tables.replace("priced", frame))


def in_files(folder: Path) -> World:
    clock, path = Clock(), table_path(folder, "priced", TABLE)
    write(path, content())

    def replace(frame: pd.DataFrame) -> None:
        write(path, frame)
        clock.now += 1.0

    return World(ParquetFeatureTables(where(folder), clock=clock), replace)


def where(folder: Path) -> Callable[[str], tuple[FeatureTable, Path] | None]:
    with_table = ("priced", "unmade")
    return lambda name: (TABLE, table_path(folder, name, TABLE)) if name in with_table else None


@pytest.fixture(params=[in_memory, in_files], ids=["memory", "parquet"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return request.param(tmp_path)


def test_rows_get_the_columns_of_their_key_in_order(world: World) -> None:
    rows = asked(("late", "2025-01-03"), ("early", "2025-01-02"), ("early", "2025-01-02"), ("early", "2025-01-05"))
    joined = world.tables.join("priced", rows)
    assert joined.names == ("card_id", "date", "extra", "market_price", "momentum", "set")
    assert joined["market_price"].tolist() == [20.0, 11.0, 11.0, 14.0]
    assert joined["market_price"].dtype == np.float64
    assert np.isnan(joined["momentum"][0])
    assert joined["set"].tolist() == [None, "base", "base", "base"]
    assert joined["extra"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert "market_price" not in rows.names, "the rows that were asked with stay as they are"


def test_an_unknown_card_is_named_with_the_nearest_known(world: World) -> None:
    with pytest.raises(UnknownKey) as refusal:
        world.tables.join("priced", asked(("earlyy", "2025-01-01")))
    assert str(refusal.value) == "no card_id 'earlyy' is known; did you mean 'early'?"


def test_in_a_batch_its_row_is_named_too(world: World) -> None:
    rows = asked(("early", "2025-01-01"), ("xyz", "2025-01-01"), (None, "1999-01-01"))
    with pytest.raises(UnknownKey, match=r"^row 1: no card_id 'xyz' is known \(and 1 more rows with unknown ones\)$"):
        world.tables.join("priced", rows)


@pytest.mark.parametrize("day", ["2025-01-02", "2025-01-06", "1999-12-31", None])
def test_a_day_outside_says_which_days_there_are(world: World, day: str | None) -> None:
    with pytest.raises(InvalidInput) as refusal:
        world.tables.join("priced", asked(("late", day)))
    (error,) = refusal.value.fields
    assert error.field == "date"
    assert error.expected == "a day from 2025-01-03 to 2025-01-05 for card_id 'late'"
    assert error.row is None


def test_every_row_with_such_a_day_is_named(world: World) -> None:
    rows = asked(("late", "2025-01-01"), ("early", "2025-01-01"), ("early", "2025-02-01"))
    with pytest.raises(InvalidInput) as refusal:
        world.tables.join("priced", rows)
    assert [(error.row, error.problem) for error in refusal.value.fields] == [(0, "'2025-01-01'"), (2, "'2025-02-01'")]


def test_values_are_sorted_and_distinct(world: World) -> None:
    assert world.tables.values("priced", "card_id") == ["early", "late"]
    assert world.tables.values("priced", "date")[0] == "2025-01-01"


def test_only_keys_have_values(world: World) -> None:
    with pytest.raises(NotFound):
        world.tables.values("priced", "market_price")
    with pytest.raises(NotFound):
        world.tables.values("plain", "card_id")


def test_a_table_that_was_not_made_yet(world: World) -> None:
    with pytest.raises(Unavailable, match="has not been made yet"):
        world.tables.join("unmade", asked(("early", "2025-01-01")))
    with pytest.raises(Unavailable):
        world.tables.values("unmade", "card_id")


def test_a_use_case_without_a_table_keeps_its_rows(world: World) -> None:
    rows = asked(("anything", None))
    assert world.tables.join("plain", rows) is rows


def test_a_replaced_table_is_seen(world: World) -> None:
    world.tables.join("priced", asked(("early", "2025-01-01")))
    world.replace(content(price=50.0, days=7))
    assert world.tables.join("priced", asked(("early", "2025-01-07")))["market_price"].tolist() == [56.0]


def test_no_rows_are_joined_to_no_rows(world: World) -> None:
    joined = world.tables.join("priced", asked())
    assert len(joined) == 0
    assert "market_price" in joined.names


def test_a_table_with_a_key_twice_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="more than one row"):
        MemoryFeatureTables({"priced": (TABLE, pd.concat([content(), content()]))})


def test_ten_thousand_rows_and_one(world: World) -> None:
    """One row in under a millisecond, so that the join costs a request nothing (best of many)."""
    many = asked(*[("early", "2025-01-01"), ("late", "2025-01-04")] * 5000)
    assert world.tables.join("priced", many)["market_price"][:2].tolist() == [10.0, 20.0]
    assert best(lambda: world.tables.join("priced", many), 5) < 0.05
    one = asked(("early", "2025-01-01"))
    assert best(lambda: world.tables.join("priced", one), 200) < 0.001


def best(run: Callable[[], Any], times: int) -> float:
    def once() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    return min(once() for _ in range(times))


def test_the_file_is_looked_at_once_a_second_at_most(tmp_path: Path) -> None:
    clock, path = Clock(), table_path(tmp_path, "priced", TABLE)
    write(path, content())
    tables = ParquetFeatureTables(where(tmp_path), clock=clock)
    one = asked(("early", "2025-01-01"))
    assert tables.join("priced", one)["market_price"][0] == 10.0
    write(path, content(price=90.0))
    clock.now = 0.9
    assert tables.join("priced", one)["market_price"][0] == 10.0
    clock.now = 1.0
    assert tables.join("priced", one)["market_price"][0] == 90.0


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1 half a file")])
def test_the_last_good_table_serves_on(tmp_path: Path, damage: Callable[[Path], Any]) -> None:
    clock, path = Clock(), table_path(tmp_path, "priced", TABLE)
    write(path, content())
    tables = ParquetFeatureTables(where(tmp_path), clock=clock)
    one = asked(("early", "2025-01-01"))
    tables.join("priced", one)
    damage(path)
    clock.now = 5.0
    assert tables.join("priced", one)["market_price"][0] == 10.0
    write(path, content(price=70.0))
    clock.now = 10.0
    assert tables.join("priced", one)["market_price"][0] == 70.0


@pytest.mark.parametrize("frame", [content().drop(columns="momentum"), content().drop(columns="card_id")])
def test_a_file_that_lacks_a_column_is_unavailable(tmp_path: Path, frame: pd.DataFrame) -> None:
    write(table_path(tmp_path, "priced", TABLE), frame)
    with pytest.raises(Unavailable, match="cannot be read"):
        ParquetFeatureTables(where(tmp_path)).join("priced", asked(("early", "2025-01-01")))


def test_a_broken_file_is_unavailable(tmp_path: Path) -> None:
    path = table_path(tmp_path, "priced", TABLE)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not Parquet")
    with pytest.raises(Unavailable, match="cannot be read"):
        ParquetFeatureTables(where(tmp_path)).values("priced", "card_id")


def located(name: str) -> None:
    return None


def test_it_travels_between_processes() -> None:
    tables = pickle.loads(pickle.dumps(ParquetFeatureTables(located, refresh_s=3.0)))
    rows = asked(("a", "b"))
    assert tables.join("x", rows) is rows
