"""The laws of an event log as what is learnt from: lessons, counts of new labels, shadows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.adapters.sql_event_log import SqlEventLog, open_event_log
from serve_app.adapters.sql_lessons import lesson_page, people_since, taught_since
from serve_app.adapters.sql_rows import LABEL
from serve_app.adapters.sql_tables import labels as label_table
from serve_app.core.events import LoggedPrediction
from serve_app.core.jobs import Shadow
from serve_app.core.platform import Store
from serve_app.core.ports import EventLog, Lesson, NewLabels
from tests.fakes.events import NOON, label, logged, new_id
from tests.fakes.store_places import DATABASES, KINDS, Place, place_of

LATER = NOON + timedelta(hours=1)
TICK = timedelta(microseconds=1)


@pytest.fixture(params=KINDS)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventLog]:
    opened = place_of(request.param, tmp_path, MemoryEventLog, open_event_log).open()
    yield opened
    opened.close()


def ids(lessons: list[Lesson]) -> list[str]:
    return [lesson.prediction.id for lesson in lessons]


def alone() -> LoggedPrediction:
    """Answered by the student, and nobody else."""
    return logged(teacher=None)


# Lessons


def test_a_lesson_is_what_somebody_answered_besides_the_student(log: EventLog) -> None:
    taught, labelled, both, neither = logged(), alone(), logged(), alone()
    log.append([taught, labelled, both, neither, logged(use_case="shapes")])
    said = [label(labelled.id), label(both.id, by="budi"), label(both.id, label=None, value=1.5)]
    for one in said:
        log.add_label(one)
    assert log.lessons("colours", LATER) == [
        Lesson(taught, ()),
        Lesson(labelled, (said[0],)),
        Lesson(both, (said[1], said[2])),
    ]
    assert log.lessons("unheard of", LATER) == []


def test_what_comes_after_until_is_left_out(log: EventLog) -> None:
    before, late, relabelled, unlabelled = logged(), logged(at=NOON + TICK), alone(), alone()
    log.append([before, late, relabelled, unlabelled])
    first = label(relabelled.id)
    for one in (first, label(relabelled.id, at=NOON + TICK, label="blue"), label(unlabelled.id, at=NOON + TICK)):
        log.add_label(one)
    log.add_label(label(before.id, at=NOON + TICK))
    assert log.lessons("colours", NOON) == [Lesson(before, ()), Lesson(relabelled, (first,))]
    assert ids(log.lessons("colours", NOON + TICK)) == [before.id, late.id, relabelled.id, unlabelled.id]


def test_labels_of_a_lesson_are_oldest_first(log: EventLog) -> None:
    prediction = alone()
    log.append([prediction])
    hours = [label(prediction.id, at=NOON + timedelta(minutes=n)) for n in range(3)]
    for one in (hours[2], hours[0], hours[1]):
        log.add_label(one)
    assert log.lessons("colours", LATER) == [Lesson(prediction, tuple(hours))]


def test_lessons_are_paged_by_id(log: EventLog) -> None:
    rows = [logged(teacher=None if n % 3 else {"label": "blue"}) for n in range(20)]
    log.append(rows[::-1])
    for row in rows[::2]:
        log.add_label(label(row.id))
        log.add_label(label(row.id, by="budi"))
    wanted = [row.id for n, row in enumerate(rows) if n % 3 == 0 or n % 2 == 0]
    found: list[str] = []
    while page := log.lessons("colours", LATER, after=found[-1] if found else None, limit=3):
        assert len(page) <= 3
        assert all(len(lesson.labels) in (0, 2) for lesson in page)
        found += ids(page)
    assert found == wanted


def test_two_thousand_lessons_come_with_their_labels(log: EventLog) -> None:
    rows = [logged() for _ in range(2000)]
    log.append(rows)
    said = {row.id: label(row.id) for row in rows[:: len(rows) // 3]}
    for one in said.values():
        log.add_label(one)
    found = log.lessons("colours", LATER, limit=5000)
    assert ids(found) == [row.id for row in rows]
    assert {lesson.prediction.id: lesson.labels[0] for lesson in found if lesson.labels} == said


def test_odd_characters_in_ids_and_names_do_not_matter(log: EventLog) -> None:
    odd = logged(id=new_id() + "\x00'\\", use_case="\ud800\x00", teacher=None)
    log.append([odd])
    log.add_label(label(odd.id, by="\x00"))
    [lesson] = log.lessons("\ud800\x00", LATER)
    assert (lesson.prediction, lesson.labels[0].by) == (odd, "\x00")
    assert log.new_labels("\ud800\x00", NOON - TICK) == NewLabels(1, 0)


# New labels


def test_new_labels_count_predictions_and_not_words(log: EventLog) -> None:
    taught, labelled, old = logged(at=LATER), alone(), logged()
    log.append([taught, labelled, old, alone(), logged(use_case="shapes", at=LATER)])
    for one in (label(labelled.id, at=LATER), label(labelled.id, at=LATER, by="budi"), label(taught.id, at=LATER)):
        log.add_label(one)
    assert log.new_labels("colours", NOON) == NewLabels(people=2, teacher=1)
    assert log.new_labels("colours", NOON - TICK) == NewLabels(people=2, teacher=2)
    assert log.new_labels("colours", LATER) == NewLabels(people=0, teacher=0)
    assert log.new_labels("unheard of", NOON) == NewLabels(people=0, teacher=0)


def test_a_new_label_for_an_old_prediction_is_new(log: EventLog) -> None:
    old = alone()
    log.append([old])
    log.add_label(label(old.id))
    log.add_label(label(old.id, at=LATER, label="blue"))
    assert log.new_labels("colours", NOON).people == 1


# Shadows


def shadow(prediction: LoggedPrediction, version: str = "4", at: datetime = NOON) -> Shadow:
    return Shadow(prediction.id, prediction.use_case, version, at, {"label": "red", "confidence": 0.25})


def test_shadows_come_newest_first_with_what_they_shadow(log: EventLog) -> None:
    rows = [logged() for _ in range(3)]
    log.append(rows)
    said = label(rows[1].id)
    log.add_label(said)
    first, second, third = (shadow(row, at=NOON + n * TICK) for n, row in enumerate(rows))
    log.add_shadows([second, third, first])
    log.add_shadows([shadow(rows[0], "5"), replace(shadow(rows[0], "6"), use_case="shapes")])
    lessons = [Lesson(rows[0], ()), Lesson(rows[1], (said,)), Lesson(rows[2], ())]
    assert log.shadows("colours", "4") == [(third, lessons[2]), (second, lessons[1]), (first, lessons[0])]
    assert log.shadows("colours", "4", limit=1) == [(third, lessons[2])]
    assert [one.model_version for one, _ in log.shadows("colours", "5")] == ["5"]
    assert log.shadows("colours", "6") == []


def test_a_shadow_is_kept_once_for_a_prediction_and_version(log: EventLog) -> None:
    prediction = logged()
    log.append([prediction])
    first = shadow(prediction)
    log.add_shadows([first])
    log.add_shadows([replace(first, answer={"label": "blue"}), shadow(prediction, "5")])
    log.add_shadows([])
    assert [one for one, _ in log.shadows("colours", "4")] == [first]
    assert len(log.shadows("colours", "5")) == 1


def test_a_shadow_may_come_before_its_prediction(log: EventLog) -> None:
    prediction = logged()
    log.add_shadows([shadow(prediction)])
    assert log.shadows("colours", "4") == []
    log.append([prediction])
    assert log.shadows("colours", "4") == [(shadow(prediction), Lesson(prediction, ()))]


# In a database


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[SqlEventLog]:
    return place_of(request.param, tmp_path, MemoryEventLog, open_event_log)


def test_a_label_that_an_older_program_wrote_is_found(place: Place[SqlEventLog]) -> None:
    log, prediction, other = place.open(), alone(), logged(use_case="shapes", teacher=None)
    log.append([prediction, other])
    said = label(prediction.id)
    with log._writing() as connection:  # as before 0002: without the use case
        connection.execute(label_table.insert(), [LABEL.row(said), LABEL.row(label(other.id))])
    assert log.lessons("colours", LATER) == [Lesson(prediction, (said,))]
    assert log.new_labels("colours", NOON - TICK) == NewLabels(people=1, teacher=0)


def test_no_query_reads_a_use_cases_predictions_one_by_one(tmp_path: Path) -> None:
    log = open_event_log(Store(), tmp_path)
    queries = {
        lesson_page("colours", LATER, None, 10): {"ix_predictions_taught", "ix_labels_use_case"},
        people_since("colours", NOON): {"ix_labels_use_case_at"},
        taught_since("colours", NOON): {"ix_predictions_taught_at"},
    }
    for query, wanted in queries.items():
        with log._reading() as connection:
            sql = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
            plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
        used = {word for line in plan for word in line.split() if word.startswith("ix_")}
        assert wanted <= used, plan
        assert not any(line.startswith(("SCAN predictions", "SCAN labels")) for line in plan), plan
        assert not any(
            "predictions" in line and "(use_case=? AND id>?)" in line and "taught" not in line for line in plan
        )
