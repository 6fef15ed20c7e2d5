"""Collecting from files, from a price API and from the log."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from pipelines import raw_rows
from pipelines.collect import collect
from pipelines.data_root import DataRoot
from pipelines.run import Refusal, Run
from pipelines.sources.log import read_lessons
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.manifest import schema_version
from serve_app.core.platform import Platform
from tests.fakes.price_api import PriceAPI, price_api
from tests.fakes.small_models import write_use_case

ROOT = Path(__file__).parents[2]
UNTIL = datetime(2026, 3, 5, 12, tzinfo=UTC)
KEY = "sesame-4711"

SHELLS: dict[str, Any] = {
    "fields": {
        "shell": {"kind": "id", "required": False},
        "size": {"kind": "numeric", "minimum": 0},
        "note": {"kind": "text", "required": False},
    },
    "target": {"kind": "classification", "column": "sort", "classes": ["snail", "clam"]},
    "cascade": {"kind": "fixed"},
    "decision": {"kind": "label"},
}
PANEL: dict[str, Any] = {
    "fields": {"item": {"kind": "categorical", "purpose": "key"}, "day": {"kind": "date", "purpose": "key"}},
    "feature_table": {
        "file": "features.parquet", "keys": ["item", "day"],
        "columns": {"market_price": {"kind": "numeric"}, "momentum_1": {"kind": "numeric", "required": False}},
        "maker": {"kind": "panel", "source": "prices.csv", "item": "item", "day": "day", "value": "price",
                  "horizon_days": 3},
    },
    "target": {"kind": "regression", "column": "fair", "scale": "log", "relative_to": "market_price"},
    "cascade": {"kind": "fixed"},
    "decision": {"kind": "price_signal"},
}  # fmt: skip


def a_run(configs: Path, state: Path, name: str, job_id: str = "01A", **params: Any) -> Run:
    catalogue = UseCaseFolder(configs / "use_cases", refresh_s=0)
    at = UNTIL + timedelta(hours=int(job_id[2:], 36) - 10)
    return Run(job_id, "train", name, params, "api", at, catalogue, Platform(state=str(state)))


def source_of(api: PriceAPI, **more: Any) -> dict[str, Any]:
    given = {
        "kind": "http", "name": "api", "url": api.address, "rows": "data.rows", "next": "links.next", "since": "since",
        "key_env": "PRICE_KEY", "columns": {"item": "card", "day": "date", "price": "usd"},
    }  # fmt: skip
    return {name: value for name, value in {**given, **more}.items() if value is not None}


def panel_configs(folder: Path, *sources: Mapping[str, Any], **retraining: Any) -> Path:
    raw = {**PANEL, "retraining": {"sources": list(sources), **retraining}}
    (write_use_case(folder, "wares", raw) / "prices.csv").write_text("item,day,price\na,2026-03-01,1\n")
    return folder


def shell_configs(folder: Path, *sources: Mapping[str, Any], **retraining: Any) -> Path:
    write_use_case(folder, "shells", {**SHELLS, "retraining": {"sources": list(sources), **retraining}})
    return folder


def prices(count: int = 10, day: int = 1) -> list[Any]:
    return [
        {"card": f"c{i % 3}", "date": f"2026-03-{day + i % 4:02d}", "usd": 1.5 + i, "more": "x"} for i in range(count)
    ]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[PriceAPI]:
    monkeypatch.setenv("PRICE_KEY", KEY)
    with price_api(prices(), KEY, page_size=4) as started:
        yield started


def collected(run: Run) -> pd.DataFrame:
    found = raw_rows.read(DataRoot(run.platform), run.configured())
    assert found is not None
    return found.sort_values(list(found.columns)).reset_index(drop=True)


@pytest.mark.parametrize(
    "paging",
    [{}, {"next": "meta.cursor"}, {"next": None, "page": "page"}, {"key_header": "X-Key", "key_prefix": ""}],
    ids=["address", "cursor", "page", "another header"],
)
def test_every_page_is_read(api: PriceAPI, tmp_path: Path, paging: dict[str, Any]) -> None:
    run = a_run(panel_configs(tmp_path, source_of(api, **paging)), tmp_path, "wares")
    came = collect(run, {})
    assert came["sources"][0] == {"name": "api", "rows": 10, "files": 4}
    assert (came["rows"], came["quarantined"], came["quarantine"]) == (10, 0, None)
    found = collected(run)
    assert list(found.columns) == ["item", "day", "price"], "what nobody asked for is not kept"
    assert sorted(map(float, found["price"])) == [1.5 + i for i in range(10)]
    files = DataRoot(run.platform).files("wares", "raw")
    assert [parts[3:] for parts in files] == [(f"day=2026-03-{day:02d}", "01A.parquet") for day in range(1, 5)]
    assert all(params.get("since") == "2026-02-26" for params, _ in api.asked)


def test_days_go_before_the_sources_own(api: PriceAPI, tmp_path: Path) -> None:
    run = a_run(panel_configs(tmp_path, source_of(api, days=30)), tmp_path, "wares", days=2)
    assert collect(run, {})["rows"] == 4
    assert api.asked[0][0]["since"] == "2026-03-03"


def test_a_busy_server_is_asked_again(api: PriceAPI, tmp_path: Path) -> None:
    api.troubles = [(429, {"Retry-After": "0"}), (500, {}), (429, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"})]
    run = a_run(panel_configs(tmp_path, source_of(api)), tmp_path, "wares")
    assert collect(run, {})["rows"] == 10
    assert len(api.asked) == 3 + 3


def test_a_pause_that_is_asked_for_is_kept(api: PriceAPI, tmp_path: Path) -> None:
    api.troubles = [(429, {"Retry-After": "1"})]
    before = datetime.now(UTC)
    collect(a_run(panel_configs(tmp_path, source_of(api)), tmp_path, "wares"), {})
    assert datetime.now(UTC) - before >= timedelta(seconds=1)


BAD = [
    ({"retries": 1}, [(503, {"Retry-After": "0"})] * 2, "answered 503 2 times"),
    ({"key_env": "NO_SUCH_KEY"}, [], "NO_SUCH_KEY with its key is not set"),
    ({"key_prefix": "Basic "}, [], "answered 401"),
    ({}, [(302, {"Location": "http://127.0.0.1:1/"})], "answered 302"),
    ({"rows": "data.prices"}, [], "no list of rows at 'data.prices'"),
    ({"max_pages": 2}, [], "more than 2 pages"),
    ({"timeout_s": 0.05, "retries": 1}, "slow", "could not be asked: ReadTimeout"),
    ({"url": "http://127.0.0.1:9/prices", "retries": 0}, [], "could not be asked: ConnectError"),
    ({"columns": {"item": "card"}}, [], "it has no column day, price"),
]


@pytest.mark.parametrize(("source", "troubles", "why"), BAD, ids=[each[2] for each in BAD])
def test_a_source_that_fails_says_why_and_tells_no_key(
    api: PriceAPI, tmp_path: Path, caplog: pytest.LogCaptureFixture, source: dict[str, Any], troubles: Any, why: str
) -> None:
    caplog.set_level(logging.DEBUG)
    if troubles == "slow":
        api.slow_s = 0.2
    else:
        api.troubles = list(troubles)
    run = a_run(panel_configs(tmp_path, source_of(api, **source)), tmp_path, "wares")
    with pytest.raises(Refusal, match=why) as refused:
        collect(run, {})
    assert refused.value.code == "source_failed"
    chain = repr(refused.value) + repr(refused.value.__cause__) + caplog.text
    assert KEY not in chain
    assert DataRoot(run.platform).files("wares", "raw") == []


def test_the_key_goes_to_no_other_server(api: PriceAPI, tmp_path: Path) -> None:
    with price_api([]) as other:
        api.next = other.address
        run = a_run(panel_configs(tmp_path, source_of(api)), tmp_path, "wares")
        with pytest.raises(Refusal, match="on another server"):
            collect(run, {})
        assert other.asked == []


def test_an_answer_that_is_no_json(api: PriceAPI, tmp_path: Path) -> None:
    api.raw = b"<html>"
    with pytest.raises(Refusal, match="is no JSON"):
        collect(a_run(panel_configs(tmp_path, source_of(api)), tmp_path, "wares"), {})


BROKEN: list[tuple[Any, str]] = [
    ({"card": "c0", "date": "2026-03-02", "usd": "dear"}, "price: expected a number"),
    ({"card": "c0", "date": "2026-03-02"}, "price: expected a number"),
    ({"card": "c0", "date": "2026-03-02", "usd": -1}, "price: expected above 0"),
    ({"card": None, "date": "2026-03-02", "usd": 1}, "item: missing"),
    ({"card": "c0", "date": "2026-03-09", "usd": 1}, "day: expected a day as YYYY-MM-DD from 1990-01-01 to 2026-03-05"),
    ({"card": "c0", "date": "3 March", "usd": 1}, "day: expected a day as YYYY-MM-DD from 1990-01-01 to 2026-03-05"),
    ({"card": "c0", "date": "2026-03-02", "usd": [1]}, "price: expected one value, not a list or an object"),
    ("no row", "not an object"),
    (None, "not an object"),
]


def test_bad_rows_are_kept_apart_with_their_reasons(api: PriceAPI, tmp_path: Path) -> None:
    api.rows += [row for row, _ in BROKEN]
    run = a_run(panel_configs(tmp_path, source_of(api), bad_share=0.9), tmp_path, "wares")
    came = collect(run, {})
    assert (came["rows"], came["quarantined"]) == (10, len(BROKEN))
    kept = DataRoot(run.platform).read_table("wares", "quarantine", "01A.parquet").to_pylist()
    assert came["quarantine"] == str(tmp_path / "data" / "wares" / "quarantine" / "01A.parquet")
    assert sorted(each["reason"] for each in kept) == sorted(reason for _, reason in BROKEN)
    assert {each["source"] for each in kept} == {"api"}
    assert "dear" in next(json.loads(each["row"])["price"] for each in kept if "a number" in each["reason"])


def test_too_many_bad_rows_are_refused_with_figures(api: PriceAPI, tmp_path: Path) -> None:
    api.rows += [BROKEN[0][0]] * 3
    run = a_run(panel_configs(tmp_path, source_of(api)), tmp_path, "wares")
    with pytest.raises(Refusal, match=r"3 of 13 rows .*23%.* allows 20%\): 3 × price: expected a number") as refused:
        collect(run, {})
    assert refused.value.code == "too_many_bad_rows"
    assert DataRoot(run.platform).files("wares", "raw") == [], "nothing of it is learned from"
    assert DataRoot(run.platform).exists("wares", "quarantine", "01A.parquet")


def test_a_window_that_overlaps_doubles_nothing_and_the_newest_counts(api: PriceAPI, tmp_path: Path) -> None:
    configs = panel_configs(tmp_path, source_of(api))
    api.rows = [{"card": "a", "date": "2026-03-02", "usd": 1}, {"card": "a", "date": "2026-03-02", "usd": 3}]
    collect(a_run(configs, tmp_path, "wares", "01A"), {})
    assert len(collected(a_run(configs, tmp_path, "wares"))) == 2, "two sales of a day"
    api.rows = [{"card": "a", "date": "2026-03-02", "usd": 9}, {"card": "b", "date": "2026-03-02", "usd": 7}]
    collect(a_run(configs, tmp_path, "wares", "01B"), {})
    assert collected(a_run(configs, tmp_path, "wares")).values.tolist() == [
        ["a", "2026-03-02", "9"], ["b", "2026-03-02", "7"],
    ]  # fmt: skip


def test_a_job_that_is_run_again_leaves_the_same(api: PriceAPI, tmp_path: Path) -> None:
    run = a_run(panel_configs(tmp_path, source_of(api)), tmp_path, "wares")
    came = collect(run, {})
    root = DataRoot(run.platform)
    before = {parts: root.read(*parts) for parts in root.files("wares")}
    assert collect(run, {}) == came
    assert {parts: root.read(*parts) for parts in root.files("wares")} == before
    api.rows = api.rows[:1]
    assert collect(run, {})["rows"] == 1
    assert len(collected(run)) == 1, "other days of the attempt before are gone"


def test_files_with_globs_and_other_names(tmp_path: Path) -> None:
    source = {"kind": "file", "name": "folder", "path": "in/*.*", "columns": {"sort": "kind", "size": "mm"}}
    configs = shell_configs(tmp_path, source)
    folder = configs / "use_cases" / "shells" / "in"
    folder.mkdir()
    (folder / "one.csv").write_text("shell,mm,kind,note\n7,1.5,snail,NA\n8,many,snail,\n9,2,,\n")
    pd.DataFrame({"mm": [0.1 + 0.2], "kind": ["clam"], "shell": [4]}).to_parquet(folder / "two.parquet")
    run = a_run(configs, tmp_path, "shells")
    with pytest.raises(Refusal, match=r"2 of 4 rows .*(size: expected a number|sort: missing)"):
        collect(run, {})
    configs = shell_configs(tmp_path / "lax", source, bad_share=0.6)
    shutil.copytree(folder, configs / "use_cases" / "shells" / "in")
    run = a_run(configs, tmp_path, "shells")
    collect(run, {})
    assert collected(run).values.tolist() == [
        ["4", "0.30000000000000004", None, "clam"], ["7", "1.5", "NA", "snail"],
    ]  # fmt: skip
    assert DataRoot(run.platform).files("shells", "raw") == [
        ("shells", "raw", "folder", "day=2026-03-05", "01A.parquet")
    ]


def test_a_corrected_label_takes_the_place_of_the_old(tmp_path: Path) -> None:
    configs = shell_configs(tmp_path, {"kind": "file", "name": "one", "path": "one.csv"})
    file = configs / "use_cases" / "shells" / "one.csv"
    file.write_text("size,sort,note\n1,snail,x\n2,snail,\n2,snail,\n")
    collect(a_run(configs, tmp_path, "shells", "01A"), {})
    file.write_text("size,sort,note\n1,clam,x\n")
    collect(a_run(configs, tmp_path, "shells", "01B"), {})
    found = collected(a_run(configs, tmp_path, "shells"))
    assert found[["size", "sort"]].values.tolist() == [["1", "clam"], ["2", "snail"], ["2", "snail"]]


@pytest.mark.parametrize(("path", "why"), [("none*.csv", "no file fits"), ("use_case.yaml", "has no column")])
def test_a_file_that_does_not_serve(tmp_path: Path, path: str, why: str) -> None:
    run = a_run(shell_configs(tmp_path, {"kind": "file", "name": "one", "path": path}), tmp_path, "shells")
    with pytest.raises(Refusal, match=why):
        collect(run, {})


def prediction(number: int, use_case: Any, features: dict[str, Any], teacher: str | None = None) -> LoggedPrediction:
    told = {"provider": "openai", "model": "m", "label": teacher, "confidence": None} if teacher else None
    return LoggedPrediction(
        id=f"{number:026d}", use_case=use_case.name, at=UNTIL - timedelta(days=2, seconds=-number), features=features,
        student=None, teacher=told, answer={}, model_version=None, policy_version="p",
        schema_version=schema_version(use_case), propensity=1.0, cost_usd=0.0, latency_ms=1.0,
    )  # fmt: skip


def test_the_log_is_kept_as_it_stood(tmp_path: Path) -> None:
    run = a_run(shell_configs(tmp_path), tmp_path, "shells")
    log = open_event_log(run.platform.store, run.state)
    features = {"size": 0.1, "note": "e\u0301 \U0001f41a", "shell": None}
    use_case = run.configured()
    log.append([prediction(number, use_case, features, "snail" if number % 2 else None) for number in range(1203)])
    log.add_label(Label("l1", f"{4:026d}", UNTIL - timedelta(days=1), "kim", "clam"))
    log.add_label(Label("l2", f"{5:026d}", UNTIL + timedelta(days=9), "kim", "clam"))
    log.close()
    came = collect(run, {})
    assert came["sources"] == [{"name": "log", "rows": 602, "files": 1}]
    said = list(read_lessons(DataRoot(run.platform), "shells", run.job_id))
    assert [each["origin"] for each in said].count("person") == 1, "what was said later is not looked at"
    assert json.loads(said[0]["features"]) == features
    person = next(each for each in said if each["origin"] == "person")
    assert (person["by"], person["label"], person["value"]) == ("kim", "clam", None)
    assert collect(run, {}) == came


def test_as_a_command(api: PriceAPI, tmp_path: Path) -> None:
    configs = panel_configs(tmp_path / "configs", source_of(api))
    (configs / "platform.yaml").write_text(yaml.safe_dump({"state": str(tmp_path / "state")}))
    command = [sys.executable, "-m", "pipelines.collect", "wares", "--configs", str(configs), "--days"]
    api.rows = [{**row, "date": datetime.now(UTC).date().isoformat()} for row in api.rows]
    ended = subprocess.run([*command, "7"], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    assert "api: 10 rows in 1 files" in ended.stdout
    assert (datetime.now(UTC).date() - timedelta(days=7)).isoformat() == api.asked[0][0]["since"]
    api.key = "another"
    ended = subprocess.run([*command, "1"], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 1
    assert "source_failed: source api: 127.0.0.1 answered 401" in ended.stderr
    assert KEY not in ended.stderr + ended.stdout
