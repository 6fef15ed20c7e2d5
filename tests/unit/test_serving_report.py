"""The report of `make bench`: medians, ratios round by round, who is missing, and what wrk said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.serving.asking import Ask, differs
from tests.benchmarks.serving.cases import CASCADE, LOADS, MEMORY, START, chosen
from tests.benchmarks.serving.found import NOT_TAKEN, Found
from tests.benchmarks.serving.report import Results, Row, Spread, markdown
from tests.benchmarks.serving.settings import known, knows
from tests.benchmarks.serving.wrk import parsed, write_script

ROWS = [
    Row("fastapi-2", "fastapi-2", "FastAPI, 2 workers", "uvloop"),
    Row("bentoml-1", "bentoml", "BentoML", "1 worker"),
    Row("litserve-1", "litserve", "LitServe", "1 worker"),
    Row("mlserver-0", "mlserver", "MLServer", "in process"),
    Row("near", "near", "Understudy, near", "placement: near"),
]
ABOUT = {
    "command": "make bench", "at": "2026-01-01", "rounds": 3, "seconds": 5.0, "load": "wrk",
    "machine": {"cores": 2, "cpu": "some", "memory_gb": 24.0, "load_average": 0.1},
}  # fmt: skip
PRINTED = """Running 2s test @ http://127.0.0.1:8000
  1 threads and 32 connections
  4096 requests in 2.00s, 1.10MB read
MEASURED {"requests": 4096, "duration_us": 2000000, "p50_us": 15250, "p99_us": 31000, REST
""".replace("REST", '"refused": 90, "broken": 5, "late": 1}')


def rates(system: str, *by_round: float) -> list[Found]:
    return [Found(turn, system, "numbers-32", _figures(rate)) for turn, rate in enumerate(by_round, start=1)]


def _figures(rate: float) -> dict[str, float]:
    return {"requests_s": rate, "p50_ms": 10.0, "p99_ms": 20.0, "cpu_s_per_million": 900.0}


FOUND = [
    *rates("fastapi-2", 1000, 500, 2000),
    *rates("bentoml-1", 400, 450, 500),
    *rates("litserve-1", 300, 900, 310),
    *rates("near", 2000, 1500, 3000),
    Found(1, "mlserver-0", "numbers-32", failed="not installed: no such version"),
    Found(1, "bentoml-1", "batch-arrow", failed=NOT_TAKEN),
    Found(1, "near", MEMORY, {"pss_mb": 1500.0, "rss_mb": 2500.0, "processes": 20.0}),
]


def test_ratios_are_made_round_by_round() -> None:
    assert Results(ROWS, FOUND).ratio("near", "fastapi-2", "numbers-32") == Spread(2.0, 1.5, 3.0)


def test_a_round_that_only_one_side_has_makes_no_ratio() -> None:
    results = Results(ROWS, [*rates("fastapi-2", 1000, 500), *rates("near", 2000, 1500, 9000)])
    assert results.ratio("near", "fastapi-2", "numbers-32") == Spread(2.5, 2.0, 3.0)
    assert results.ratio("bentoml-1", "fastapi-2", "numbers-32") is None


def test_the_best_framework_is_the_best_in_the_median_round() -> None:
    assert Results(ROWS, FOUND).best_framework("numbers-32") == "bentoml-1"
    assert Results(ROWS, FOUND).best_framework("texts-32") is None


def test_a_peer_that_was_not_measured_is_told_with_the_reason() -> None:
    written = markdown(Results(ROWS, FOUND), ABOUT)
    assert "| MLServer | **not installed: no such version** |" in written
    assert "- mlserver-0 (numbers-32): not installed: no such version" in written
    assert "batch-arrow" not in written.split("## Not measured")[1]


def test_the_table_holds_the_medians_and_the_ratios() -> None:
    line = next(
        x for x in markdown(Results(ROWS, FOUND), ABOUT).splitlines() if x.startswith("| Understudy, near | 2,000")
    )
    assert [cell.strip() for cell in line.split("|")[2:7]] == [
        "2,000 (1,500..3,000)", "10 (10..10)", "20 (20..20)", "2 (1.5..3)", "5 (3.33..6)",
    ]  # fmt: skip


def test_what_wrk_says_is_read() -> None:
    found = parsed(PRINTED)
    assert (found.requests, found.seconds, found.p50_ms, found.p99_ms, found.failed) == (4096, 2.0, 15.25, 31.0, 96)
    assert found.rate == 2000.0


def test_a_wrk_that_came_to_no_end_is_no_figure() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        parsed("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_the_script_knows_where_each_body_ends(tmp_path: Path) -> None:
    ask = Ask("/predict", [b'{"a": 1}', b"\x00\xff"], [[], []], lambda body: [], "application/octet-stream")
    script = write_script(ask, tmp_path).read_text(encoding="utf-8")
    assert "{8, 2}" in script
    assert (tmp_path / "bodies").read_bytes() == b'{"a": 1}\x00\xff'


def test_another_answer_is_wrong() -> None:
    assert differs([("yes", 0.7)], [("yes", 0.7 + 1e-7)]) is None
    assert "not" in str(differs([("yes", 0.7)], [("yes", 0.71)]))
    assert "not" in str(differs([("no", 0.7)], [("yes", 0.7)]))
    assert differs([], [("yes", 0.7)]) == "0 answers to 1 rows"


def test_cases_are_chosen_by_name_or_kind() -> None:
    assert chosen([]) == (list(LOADS), {START, MEMORY, CASCADE})
    loads, others = chosen(["numbers", "batch-json", "start"])
    assert [load.name for load in loads] == ["numbers-1", "numbers-32", "numbers-128", "batch-json"]
    assert others == {START}
    with pytest.raises(ValueError, match="no case nombers"):
        chosen(["nombers"])


def test_a_setting_with_a_key_that_there_is_not_is_left_out() -> None:
    assert knows({"REPLICAS__MODEL": "2", "STORE__SYNCHRONOUS": "normal"})
    assert not knows({"REPLICAS__MODEL": "2", "NO_SUCH__KEY": "1"})
    assert not knows({"STORE__SYNCHRONOUS": "sometimes"})
    assert known()["graph-log"] == {}
