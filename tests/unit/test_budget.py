"""The rules of money: accounts, who goes first, what a call came to, what a question costs at most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from serve_app.core import cascade
from serve_app.core.answers import ClassAnswers, NoStudent, Question, TeacherAnswer, TeacherFailure, ValueAnswers
from serve_app.core.budget import (
    affordable,
    came_to,
    first_served,
    left_over,
    limits_of,
    limits_shown,
    money_again,
    seconds_until,
    unpaid,
    without_audit,
    worth,
)
from serve_app.core.cascade import FixedCascade
from serve_app.core.decision import Route, decide
from serve_app.core.platform import Prices
from serve_app.core.ports import Limit
from serve_app.core.tariff import Flat, Metered, most_tokens, most_usd
from serve_app.core.use_case import Budget

LATE = datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
ALL = Budget(per_day_usd=1.0, per_month_usd=20.0, per_user_day_usd=0.1)
CLASSES = ("dull", "dear")
ANSWERS = ClassAnswers(CLASSES, np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.4, 0.6]]), "1")


def keys(budget: Budget, now: datetime, user: str | None = None) -> dict[str, datetime]:
    return {limit.key: limit.resets_at for limit in limits_of(budget, "colours", user, now)}


def test_days_and_months_begin_at_midnight_in_utc() -> None:
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    assert keys(ALL, LATE, "kim") == {
        "colours:day:2026-12-31": new_year,
        "colours:month:2026-12": new_year,
        "colours:user_day:2026-12-31:kim": new_year,
    }
    assert keys(ALL, new_year, "kim") == {
        "colours:day:2027-01-01": datetime(2027, 1, 2, tzinfo=UTC),
        "colours:month:2027-01": datetime(2027, 2, 1, tzinfo=UTC),
        "colours:user_day:2027-01-01:kim": datetime(2027, 1, 2, tzinfo=UTC),
    }
    assert keys(ALL, LATE.astimezone(timezone(timedelta(hours=7))), "kim") == keys(ALL, LATE, "kim")
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert keys(Budget(per_month_usd=1.0), leap) == {"colours:month:2028-02": datetime(2028, 3, 1, tzinfo=UTC)}


def test_only_what_is_configured_is_limited() -> None:
    assert limits_of(Budget(), "colours", "kim", LATE) == []
    assert [limit.usd for limit in limits_of(Budget(per_day_usd=0.0), "colours", None, LATE)] == [0.0]
    assert list(keys(Budget(per_user_day_usd=1.0), LATE)) == ["colours:user_day:2026-12-31:local"]


def test_limits_are_shown_with_what_is_left() -> None:
    spent = {"colours:day:2026-12-31": 0.25, "colours:month:2026-12": 20.5}
    day, month = limits_shown("colours", Budget(per_day_usd=1.0, per_month_usd=20.0), "kim", LATE, spent)
    assert day == {
        "use_case": "colours", "limit": "day", "user": None, "usd": 1.0, "spent_usd": 0.25, "remaining_usd": 0.75,
        "resets_at": "2027-01-01T00:00:00+00:00", "when_short": "student",
    }  # fmt: skip
    assert month["remaining_usd"] == 0.0


def test_worth_is_the_value_of_the_class_times_the_chance_that_the_student_is_wrong() -> None:
    assert worth(Budget(value={"dear": 10.0}), ANSWERS) == pytest.approx([0.1, 2.0, 0.4, 4.0])
    assert worth(Budget(), ANSWERS) == pytest.approx([0.1, 0.2, 0.4, 0.4])
    assert worth(Budget(value={"dear": 10.0}), NoStudent(2)).tolist() == [1.0, 1.0]
    prices = ValueAnswers(np.array([10.0, -10.0, 0.0]), np.array([9.0, -40.0, 0.0]), np.array([11.0, 40.0, 0.0]), "1")
    assert worth(Budget(), prices) == pytest.approx([0.2, 1.0, 0.0])


def test_what_is_worth_most_goes_first_and_what_chance_chose_before_it() -> None:
    value = np.array([0.1, 2.0, 0.4, 4.0, 0.4])
    nobody = np.zeros(5, dtype=bool)
    assert first_served(value, nobody).tolist() == [3, 1, 2, 4, 0]
    assert first_served(value, np.array([False, False, True, False, True])).tolist() == [2, 4, 3, 1, 0]


def test_money_goes_as_far_as_it_goes() -> None:
    costs = np.array([0.3, 0.1, 0.1, 0.1])
    assert affordable([0, 1, 2, 3], costs, 0.5) == [0, 1, 2]
    assert affordable([1, 0, 2, 3], costs, 0.35) == [1, 2, 3], "one that is too dear is passed over"
    assert affordable([0, 1], costs, 0.0) == []
    assert affordable(range(10), np.full(10, 0.1), 1.0) == list(range(10)), "sums of floats fall short of 1.0"


def test_there_is_money_again_when_the_last_of_the_short_limits_begins_anew() -> None:
    tomorrow, next_month = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
    limits = [Limit("day", 1.0, tomorrow), Limit("month", 5.0, next_month)]
    assert left_over(limits, {"day": 0.75, "month": 2.0}) == 0.25
    assert left_over(limits, {"day": 1.5, "month": 2.0}) == 0.0
    assert money_again(limits, {"day": 0.75, "month": 2.0}, 0.5) == tomorrow
    assert money_again(limits, {"day": 0.75, "month": 4.75}, 0.5) == next_month
    assert seconds_until(tomorrow, LATE) == 1
    assert seconds_until(tomorrow, tomorrow) == 1
    assert seconds_until(tomorrow, tomorrow - timedelta(seconds=9.1)) == 10
    assert seconds_until(None, LATE) is None


def test_a_call_that_broke_off_is_taken_to_have_cost_all_that_was_set_aside() -> None:
    assert came_to(TeacherAnswer("x", "y", label="dull", cost_usd=0.1), 0.5) == 0.1
    assert came_to(TeacherAnswer("x", "y", label="dull", cost_usd=0.7), 0.5) == 0.7
    assert came_to(TeacherFailure("off_schema", cost_usd=0.1), 0.5) == 0.1
    for reason in ("timeout", "connection_error"):
        assert came_to(TeacherFailure(reason), 0.5) == 0.5
    assert came_to(TeacherFailure("deadline", latency_ms=900.0), 0.5) == 0.5
    for never in ("deadline", "breaker_open", "rate_limited", "overloaded", "no_teacher", "server_error"):
        assert came_to(TeacherFailure(never), 0.5) == 0.0


def test_what_is_not_paid_for_is_the_students_or_a_persons() -> None:
    route, policy = Route(kind="route", default="desk"), FixedCascade(kind="fixed", threshold=1.0)
    kept = {1: unpaid("budget", Budget()), 2: unpaid("budget", Budget(when_short="review"))}
    own, theirs, persons, _ = cascade.settle(policy, ANSWERS, kept, 0.9)
    assert (own.source, own.degraded) == ("student", False)
    assert (theirs.source, theirs.label, theirs.degraded, theirs.reason) == ("student_fallback", "dear", True, "budget")
    assert (persons.source, persons.label, persons.degraded, persons.reason) == (
        "student_fallback", None, True, "budget",
    )  # fmt: skip
    assert [decide(route, verdict, {}).action for verdict in (theirs, persons)] == ["ROUTE", "REVIEW"]
    value = ValueAnswers(np.ones(1), np.ones(1), np.ones(1), "1")
    (nobody,) = cascade.settle(policy, value, {0: kept[2]}, 0.9)
    assert (nobody.value, nobody.interval, nobody.reason) == (None, None, "budget")
    for way in kept.values():
        (cold,) = cascade.settle(policy, NoStudent(1), {0: way}, 0.9)
        assert (cold.label, cold.degraded, cold.reason) == (None, True, "cold_start, budget")


def test_an_audit_that_nobody_pays_for_leaves_the_students_answer_as_it_is() -> None:
    short, failed = unpaid("budget", Budget(when_short="review")), TeacherFailure("timeout")
    deferred = np.array([True, False, False])
    assert without_audit({0: short, 1: short, 2: failed}, deferred) == {0: short, 2: failed}
    for reason in ("no_teacher", "not_recorded"):
        nobody = TeacherFailure(reason)  # type: ignore[arg-type]
        assert without_audit({0: nobody, 1: nobody}, deferred) == {0: nobody}


def question(text: str = "x" * 300, prompt: str = "Name the kind.") -> Question:
    return Question("colours", prompt, {"words": text}, CLASSES)


def test_a_question_costs_at_most_its_tokens_twice() -> None:
    prices = Prices(input=1.0, output=10.0)
    most = most_usd(Metered(prices, 256), question())
    assert most > 2 * (100 * 1.0 + 256 * 10.0) / 1e6
    assert most < 2 * (300 * 1.0 + 256 * 10.0) / 1e6
    longer = most_usd(Metered(prices, 256), question("x" * 600))
    assert longer - most == pytest.approx(2 * 100 / 1e6)
    assert most_usd(Metered(prices, 256), question(prompt="Name it." * 300)) > longer
    assert most_usd(Flat(0.25), question()) == 0.25
    assert most_usd(Flat(), question()) == 0.0


def test_no_tokeniser_needs_more_than_a_token_a_byte() -> None:
    assert most_tokens("") == 0
    assert most_tokens("abcd") == 2
    assert most_tokens("日本語") == 9
    assert most_tokens("😀ab") == 5
    assert most_tokens("\ud83d") == 3
