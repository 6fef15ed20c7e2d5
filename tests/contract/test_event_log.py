"""The laws of every event log: in memory, in SQLite, in PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.adapters.sql_audit import SqlAudit
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.core.audit import Audited, verified
from serve_app.core.errors import StoreUnavailable, UnknownPrediction
from serve_app.core.events import LoggedPrediction
from serve_app.core.jobs import Shadow
from serve_app.core.ports import AuditLog, EventLog
from tests.fakes.events import NOON, label, logged
from tests.fakes.store_places import KINDS, Place, place_of

FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[EventLog]:
    return place_of(request.param, tmp_path, MemoryEventLog, open_event_log)


@pytest.fixture
def log(place: Place[EventLog]) -> Iterator[EventLog]:
    opened = place.open()
    yield opened
    opened.close()


def whole_pages(log: EventLog, use_case: str, limit: int) -> list[LoggedPrediction]:
    found: list[LoggedPrediction] = []
    while page := log.page(use_case, after=found[-1].id if found else None, limit=limit):
        found += page
    return found


# What goes in comes out


def test_a_prediction_comes_back_as_it_was(log: EventLog) -> None:
    sparse = logged(student=None, teacher=None, model_version=None, request_id=None, user=None)
    for prediction in (logged(), sparse):
        log.append([prediction])
        assert log.get(prediction.id) == prediction


def test_an_unknown_prediction_is_refused(log: EventLog) -> None:
    for wrong in ("01J", "", "no\x00such", "\ud800", "x" * 100_000):
        with pytest.raises(UnknownPrediction):
            log.get(wrong)


def test_a_label_and_what_is_told_of_it_are_there_together_or_not_at_all(place: Place[EventLog], log: EventLog) -> None:
    made = logged()
    log.append([made])
    audit: AuditLog = log.audit if isinstance(log, MemoryEventLog) else SqlAudit(place.url or "")
    told = Audited("1", NOON, "ani", "feedback", made.use_case, target=made.id)
    said = label(made.id)
    log.add_label(said, told)
    assert log.labels(made.id) == [said]
    assert audit.page() == [told]
    with pytest.raises(ValueError, match="time zone"):
        log.add_label(label(made.id, by="budi"), replace(told, id="2", at=datetime(2026, 1, 1)))
    with pytest.raises(UnknownPrediction):
        log.add_label(label("nothing"), replace(told, id="3"))
    assert log.labels(made.id) == [said]
    assert audit.page() == [told]
    assert verified(audit.walk()) == audit.head()
    audit.close()


def test_an_empty_append_is_nothing(log: EventLog) -> None:
    log.append([])
    assert log.page("colours") == []


@FAST
@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back_bit_for_bit(log: EventLog, number: float) -> None:
    prediction = logged(
        features={"x": number}, student={"value": number, "interval": [number, number]}, answer={"value": number},
        propensity=number, cost_usd=number, latency_ms=number,
    )  # fmt: skip
    log.append([prediction])
    log.add_label(label(prediction.id, label=None, value=number))
    found = log.get(prediction.id)
    assert found == prediction
    assert log.labels(prediction.id)[0].value == number
    assert json.dumps([found.features, found.student, found.answer]) == json.dumps(
        [prediction.features, prediction.student, prediction.answer]
    )


anything = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["\x00", "\ud83d\ude00", "\ude00\ud83d", "\\u0000", "\\", "\\\\u0041", "😀", "\u2028", "'; DROP TABLE labels; --"]
)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=8,
)
any_object = st.dictionaries(anything, any_json, max_size=4)


@FAST
@given(features=any_object, answer=any_object, words=anything, note=anything)
def test_every_text_comes_back_with_its_keys_in_order(
    log: EventLog, features: dict[str, Any], answer: dict[str, Any], words: str, note: str
) -> None:
    prediction = logged(features=features, answer=answer, use_case=words, request_id=words, user=note)
    said = label(prediction.id, by=words, label=words, note=note)
    log.append([prediction])
    log.add_label(said)
    found = log.get(prediction.id)
    assert found == prediction
    assert json.dumps([found.features, found.answer]) == json.dumps([features, answer])
    assert log.labels(prediction.id) == [said]
    assert prediction in whole_pages(log, words, limit=1000)


def test_numbers_and_keys_are_not_normalised(log: EventLog) -> None:
    answer = {"b": 1, "a": 1.0, "": 10**30, "z": 1e22, "tiny": 5e-324, "minus": -0.0, "nested": {"y": [], "x": {}}}
    prediction = logged(answer=answer)
    log.append([prediction])
    assert json.dumps(log.get(prediction.id).answer) == json.dumps(answer)


def test_a_moment_comes_back_in_utc_to_the_microsecond(log: EventLog) -> None:
    jakarta = datetime(2026, 1, 1, 6, 30, 0, 1, tzinfo=timezone(timedelta(hours=7)))
    prediction = logged(at=jakarta)
    log.append([prediction])
    found = log.get(prediction.id).at
    assert found == jakarta
    assert found.isoformat() == "2025-12-31T23:30:00.000001+00:00"


def test_what_was_written_does_not_change_with_the_caller(log: EventLog) -> None:
    prediction = logged(features={"x": 1})
    log.append([prediction])
    prediction.features["x"] = 2
    log.get(prediction.id).features["x"] = 3
    assert log.get(prediction.id).features == {"x": 1}


# Appending


def test_an_append_is_all_or_nothing(log: EventLog) -> None:
    good, naive = logged(), logged(at=datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="time zone"):
        log.append([good, naive])
    assert log.count("colours") == 0


def test_a_row_that_the_database_refuses_takes_its_batch_along(place: Place[EventLog]) -> None:
    if place.kind == "memory":
        pytest.skip("nothing in memory refuses a row")
    log, good = place.open(), logged()
    with pytest.raises(StoreUnavailable):
        log.append([good, logged(policy_version=None)])
    with pytest.raises(UnknownPrediction):
        log.get(good.id)
    log.append([good])
    assert log.get(good.id) == good


def test_an_id_already_there_is_left_as_it_is(log: EventLog) -> None:
    first, other = logged(), logged()
    log.append([first])
    log.append([replace(first, user="budi"), other, replace(other, user="citra")])
    assert log.get(first.id) == first
    assert log.get(other.id) == other
    assert log.count("colours") == 2


def test_what_was_appended_is_there_after_reopening(place: Place[EventLog]) -> None:
    log, prediction = place.open(), logged()
    log.append([prediction])
    log.add_label(label(prediction.id))
    assert place.open().get(prediction.id) == prediction
    log.close()
    again = place.open()
    assert again.get(prediction.id) == prediction
    assert [found.label for found in again.labels(prediction.id)] == ["red"]


def test_ten_thousand_rows_go_in_at_once(log: EventLog) -> None:
    rows = [logged() for _ in range(10_000)]
    log.append(rows)
    assert log.count("colours") == 10_000
    assert log.get(rows[-1].id) == rows[-1]


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 1000])
def test_a_batch_of_any_size_goes_in_whole(log: EventLog, size: int) -> None:
    rows = [logged(user="ani" if n % 2 else None, latency_ms=float(n)) for n in range(size)]
    log.append([*reversed(rows), rows[0]])
    assert whole_pages(log, "colours", limit=5000) == rows


def test_odd_rows_lie_beside_plain_ones(log: EventLog) -> None:
    odd = [logged(features={"x": 10**30}), logged(answer={"x": "\ud800"}), logged(user="\\"), logged(audit_rate=0.02)]
    odd += [logged(id="\x00"), logged(teacher={"NUL": "a\x00b"}, at=NOON.replace(microsecond=0)), logged(cost_usd=0)]
    log.append([logged(), *odd, logged()])
    assert [log.get(each.id) for each in odd] == odd
    assert log.page("colours", since=NOON) == [each for each in log.page("colours") if each.at >= NOON]


def test_threads_append_together(place: Place[EventLog]) -> None:
    logs = [place.open(), place.open()]
    batches = [[logged() for _ in range(3)] for _ in range(60)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda n: logs[n % 2].append(batches[n]), range(60)))
    assert [row.id for row in whole_pages(logs[0], "colours", 50)] == [row.id for batch in batches for row in batch]


# Reading on


def test_pages_are_in_the_order_of_ids(log: EventLog) -> None:
    rows = [logged() for _ in range(7)]
    log.append([rows[n] for n in (3, 0, 6, 1, 5, 2, 4)])
    log.append([logged(use_case="shapes")])
    assert whole_pages(log, "colours", limit=3) == rows
    assert log.page("colours", limit=2) == rows[:2]
    assert log.page("colours", after=rows[6].id) == []
    assert log.count("colours") == 7
    assert log.count("unheard of") == 0


def test_pages_are_ordered_by_bytes_and_not_by_a_locale(log: EventLog) -> None:
    ids = ["A1", "B", "_", "a", "a-b", "aB", "b", "é"]
    log.append([logged(id=id) for id in reversed(ids)])
    assert [row.id for row in log.page("colours")] == ids == sorted(ids)
    assert [row.id for row in log.page("colours", after="_")] == ids[3:]


def test_the_newest_come_oldest_first_and_of_one_use_case(log: EventLog) -> None:
    ours = [logged() for _ in range(5)]
    log.append([*reversed(ours), logged(use_case="shapes")])
    assert log.newest("colours", 3) == ours[-3:]
    assert log.newest("colours", 50) == ours
    assert log.newest("nothing") == []


def test_since_keeps_the_moment_itself(log: EventLog) -> None:
    moments = [NOON + timedelta(microseconds=n) for n in (-1, 0, 1)]
    rows = [logged(at=moment) for moment in moments]
    log.append(rows)
    assert log.page("colours", since=NOON) == rows[1:]
    assert log.page("colours", since=NOON.astimezone(timezone(timedelta(hours=-5)))) == rows[1:]
    assert log.page("colours", since=NOON, after=rows[1].id) == rows[2:]


def test_paging_misses_nothing_and_repeats_nothing_while_others_append(place: Place[EventLog]) -> None:
    log, other = place.open(), place.open()
    before = [logged() for _ in range(200)]
    log.append(before)
    stop = threading.Event()

    def keep_appending() -> None:
        while not stop.is_set():
            other.append([logged() for _ in range(5)])

    writer = threading.Thread(target=keep_appending)
    writer.start()
    found = [row.id for page in range(8) for row in log.page("colours", after=_after(before, page), limit=25)]
    stop.set()
    writer.join()
    assert found == [row.id for row in before]
    everything = [row.id for row in whole_pages(log, "colours", limit=100)]
    assert len(everything) == len(set(everything)) == log.count("colours")


def _after(rows: list[LoggedPrediction], page: int) -> str | None:
    return rows[page * 25 - 1].id if page else None


# Labels


def test_labels_are_kept_oldest_first(log: EventLog) -> None:
    prediction = logged()
    log.append([prediction])
    hours = [label(prediction.id, at=NOON + timedelta(hours=n), by=by) for n, by in enumerate(["ani", "budi", "ani"])]
    for said in (hours[2], hours[0], hours[1]):
        log.add_label(said)
    assert log.labels(prediction.id) == hours
    assert {said.by: said for said in log.labels(prediction.id)} == {"ani": hours[2], "budi": hours[1]}


def test_a_label_is_added_once(log: EventLog) -> None:
    prediction = logged()
    log.append([prediction])
    said = label(prediction.id, note="sure")
    log.add_label(said)
    log.add_label(replace(said, note="not sure"))
    assert log.labels(prediction.id) == [said]


def test_a_label_needs_its_prediction(log: EventLog) -> None:
    for wrong in ("01J", "no\x00such"):
        with pytest.raises(UnknownPrediction):
            log.add_label(label(wrong))
        assert log.labels(wrong) == []


# Away


CALLS: dict[str, Callable[[EventLog], object]] = {
    "append": lambda log: log.append([logged()]),
    "get": lambda log: log.get("01J"),
    "add_label": lambda log: log.add_label(label("01J")),
    "labels": lambda log: log.labels("01J"),
    "page": lambda log: log.page("colours"),
    "count": lambda log: log.count("colours"),
    "lessons": lambda log: log.lessons("colours", NOON),
    "new_labels": lambda log: log.new_labels("colours", NOON),
    "add_shadows": lambda log: log.add_shadows([Shadow("01J", "colours", "4", NOON, {})]),
    "shadows": lambda log: log.shadows("colours", "4"),
    "ping": lambda log: log.ping(),
}


def test_a_log_that_is_away_says_so_and_comes_back(place: Place[EventLog]) -> None:
    log, prediction = place.open(), logged()
    log.append([prediction])
    log.ping()
    with place.away():
        for name, call in CALLS.items():
            with pytest.raises(StoreUnavailable, match=r"^the event log is away") as caught:
                call(log)
            assert "/" not in str(caught.value), name
    log.ping()
    later = logged()
    log.append([later])
    assert log.page("colours") == [prediction, later]


def test_closing_twice_is_harmless(place: Place[EventLog]) -> None:
    log = place.open()
    log.close()
    log.close()


def test_a_write_that_would_not_be_accepted_fails_the_ping(place: Place[EventLog]) -> None:
    log = place.open()
    log.ping()
    with place.unwritable(log), pytest.raises(StoreUnavailable):
        log.ping()
    log.ping()
