"""The laws of an event log as a ledger: a period of it, page by page, without the features."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.adapters.sql_ledger import ledger_page
from serve_app.core.errors import StoreUnavailable
from serve_app.core.ledger import Entry, entry_of
from serve_app.core.platform import Store
from serve_app.core.ports import EventLog
from tests.fakes.events import NOON, label, logged, new_id
from tests.fakes.store_places import KINDS, Place, place_of

LATER = NOON + timedelta(hours=1)
TICK = timedelta(microseconds=1)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[EventLog]:
    return place_of(request.param, tmp_path, MemoryEventLog, open_event_log)


@pytest.fixture
def log(place: Place[EventLog]) -> Iterator[EventLog]:
    opened = place.open()
    yield opened
    opened.close()


def ids(entries: list[Entry]) -> list[str]:
    return [entry.id for entry in entries]


def test_an_entry_is_what_was_logged_without_its_features_and_probabilities(log: EventLog) -> None:
    audited = logged(audit_rate=0.02, propensity=0.02)
    cold = logged(student=None, model_version=None, user=None)
    number = logged(student={"value": 3.5, "interval": [3.0, 4.0]}, answer={"prediction": {"value": 3.5}}, teacher=None)
    log.append([audited, cold, number])
    found = log.scan("colours", NOON, LATER)
    assert found == [entry_of(one, (), probabilities=False) for one in (audited, cold, number)]
    assert found[0].student == {"label": "red", "confidence": 0.93}
    assert found[0].answer == {"prediction": {"label": "red"}, "degraded": False, "reason": None, "source": None}
    assert (found[0].audit_rate, found[0].propensity, found[0].cost_usd, found[0].user) == (0.02, 0.02, 0.000123, "ani")
    assert (found[1].student, found[1].audit_rate, found[1].user, found[2].teacher) == (None, None, None, None)


def test_probabilities_come_bit_for_bit_when_they_are_asked_for(log: EventLog) -> None:
    chances = [0.1 + 0.2, 1 / 3, 5e-324]
    log.append([logged(student={"label": "red", "confidence": 0.5, "probabilities": chances})])
    [found] = log.scan("colours", NOON, LATER, probabilities=True)
    assert found.student is not None
    assert found.student["probabilities"] == chances


def test_a_period_holds_its_first_moment_and_not_its_last(log: EventLog) -> None:
    rows = [logged(at=NOON + n * TICK) for n in range(-1, 3)]
    log.append([*rows, logged(use_case="shapes")])
    assert ids(log.scan("colours", NOON, NOON + 2 * TICK)) == [rows[1].id, rows[2].id]
    assert log.scan("colours", NOON, NOON) == []
    assert log.scan("unheard of", NOON, LATER) == []


def test_pages_are_in_the_order_of_ids_also_where_time_is_not(log: EventLog) -> None:
    rows = [logged(at=NOON + (n * 7 % 20) * TICK) for n in range(20)]
    log.append(rows[::-1])
    wanted = [row.id for row in rows if row.at < NOON + 15 * TICK]
    found: list[str] = []
    while page := log.scan("colours", NOON, NOON + 15 * TICK, after=found[-1] if found else None, limit=4):
        assert len(page) <= 4
        found += ids(page)
    assert found == wanted


def test_people_are_heard_by_their_newest_word_and_by_majority(log: EventLog) -> None:
    rows = [logged() for _ in range(4)]
    log.append(rows)
    said = [
        label(rows[0].id, label="red"), label(rows[0].id, label="blue", at=LATER),  # ani changes her mind
        label(rows[1].id, by="ani", label="red"), label(rows[1].id, by="budi", label="red"),
        label(rows[1].id, by="citra", label="blue", at=LATER),
        label(rows[2].id, by="ani", label="red"), label(rows[2].id, by="budi", label="blue"),  # a tie
        label(rows[3].id, label=None, value=1.5),
    ]  # fmt: skip
    for one in said:
        log.add_label(one)
    assert [entry.person for entry in log.scan("colours", NOON, LATER)] == ["blue", "red", None, 1.5]


def test_audited_rows_alone_when_they_are_asked_for(log: EventLog) -> None:
    rows = [logged(audit_rate=0.02 if number % 3 == 0 else None) for number in range(12)]
    log.append([*rows, logged(use_case="shapes", audit_rate=0.02)])
    assert ids(log.scan("colours", NOON, LATER, audited=True)) == [row.id for row in rows[::3]]
    assert ids(log.scan("colours", NOON, LATER, after=rows[0].id, limit=2, audited=True)) == [rows[3].id, rows[6].id]


def test_labels_given_after_the_period_count(log: EventLog) -> None:
    prediction = logged()
    log.append([prediction])
    log.add_label(label(prediction.id, at=LATER + timedelta(days=30)))
    assert [entry.person for entry in log.scan("colours", NOON, LATER)] == ["red"]


def test_two_thousand_rows_come_each_with_its_own_labels(log: EventLog) -> None:
    rows = [logged() for _ in range(2000)]
    log.append(rows)
    said = {row.id: label(row.id) for row in rows[:: len(rows) // 3]}
    for one in said.values():
        log.add_label(one)
    found = log.scan("colours", NOON, LATER)
    assert ids(found) == [row.id for row in rows]
    assert {entry.id for entry in found if entry.person is not None} == set(said)


def test_odd_characters_do_not_matter(log: EventLog) -> None:
    odd = logged(id=new_id() + "\x00'\\", use_case="\ud800\x00", answer={"reason": "\ud800"})
    log.append([odd])
    log.add_label(label(odd.id, label="\x00\\"))
    assert log.scan("\ud800\x00", NOON, LATER) == [entry_of(odd, (label(odd.id, label="\x00\\"),), False)]
    assert log.scan("\ud800\x00", NOON, LATER, after=odd.id) == []


def test_a_log_that_is_away_says_so(place: Place[EventLog]) -> None:
    log = place.open()
    with place.away(), pytest.raises(StoreUnavailable):
        log.scan("colours", NOON, LATER)


@pytest.mark.parametrize(
    ("audited", "index"), [(False, "ix_predictions_use_case_id"), (True, "ix_predictions_audited")]
)
def test_a_period_is_found_in_the_index_alone(tmp_path: Path, audited: bool, index: str) -> None:
    log = open_event_log(Store(), tmp_path)
    with log._reading() as connection:
        query = ledger_page("colours", NOON, LATER, "01J", 10, audited)
        sql = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    assert len(plan) == 1, plan
    assert f"{index} (use_case=? AND id>?)" in plan[0]
