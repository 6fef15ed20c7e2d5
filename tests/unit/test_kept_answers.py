"""The answer cache around a teacher, and the key that an answer is kept under."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from serve_app.adapters.guarded_teacher import GuardedTeacher
from serve_app.adapters.kept_answers import KeptAnswers
from serve_app.adapters.memory_answer_cache import MemoryAnswerCache
from serve_app.adapters.memory_teacher import MemoryTeacher
from serve_app.core.answer_key import answer_key
from serve_app.core.answers import Question, TeacherAnswer, TeacherFailure, TeacherReply
from serve_app.core.platform import Breaker
from serve_app.core.use_case import UseCase
from tests.fakes.small_graph import TICKETS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANSWER = TeacherAnswer("memory", "memory", label="network", latency_ms=400, cost_usd=0.002, tokens_in=90, tokens_out=9)


def use_case(keep_s: int = 60, **more: Any) -> UseCase:
    return UseCase.model_validate({**TICKETS, "cache": {"keep_s": keep_s}, **more})


def asked(text: str, **changes: Any) -> Question:
    question = Question("tickets", "the prompt", {"tech_raw_text": text, "solving": ""}, ("access", "network", "other"))
    return replace(question, **changes)


class Scene:
    """``now`` is moved by the test."""

    def __init__(self, say: Any = lambda question: ANSWER, cache: Any = None, patience_s: float = 3.0) -> None:
        self.teacher, self.cache, self.now = MemoryTeacher(say), cache or MemoryAnswerCache(), NOON
        guarded = GuardedTeacher(self.teacher, 5, 5, 4, Breaker())
        self._guarded, self._kept = guarded, KeptAnswers(lambda: self.cache, lambda: self.now, patience_s)

    def ask(self, *texts: str, use_case: UseCase = use_case()) -> list[TeacherReply]:  # noqa: B008
        return self.ask_all([asked(text) for text in texts], use_case)

    def ask_all(self, questions: Sequence[Question], use_case: UseCase) -> list[TeacherReply]:
        async def run() -> list[TeacherReply]:
            return await self._kept.answer_all(use_case, self._guarded, questions, 5)

        return self._loop.run_until_complete(run())

    def look_up(self, *texts: str, use_case: UseCase = use_case()) -> list[TeacherAnswer | None]:  # noqa: B008
        found = self._loop.run_until_complete(self._kept.kept(use_case, self._guarded, [asked(text) for text in texts]))
        self.took_ms = max((answer.latency_ms for answer in found if answer is not None), default=0.0)
        return found

    def __enter__(self) -> Scene:
        self._loop = asyncio.new_event_loop()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()


def test_what_was_asked_before_is_answered_from_the_cache_and_says_what_that_saved() -> None:
    with Scene() as scene:
        [first] = scene.ask("printer")
        [again, other] = scene.ask("printer", "wifi")
    assert (first, other) == (ANSWER, ANSWER)
    assert isinstance(again, TeacherAnswer)
    assert (again.label, again.cached, again.saved_usd, again.cost_usd, again.tokens_in) == (
        "network",
        True,
        0.002,
        0,
        0,
    )
    assert [question.fields["tech_raw_text"] for question in scene.teacher.asked] == ["printer", "wifi"]


def test_what_is_kept_can_be_had_without_anybody_being_asked() -> None:
    with Scene() as scene:
        scene.ask("printer")
        [kept] = scene.ask("printer")
        assert scene.look_up("wifi", "printer") == [None, replace(kept, latency_ms=scene.took_ms)]
        assert scene.look_up("printer", use_case=use_case(0)) == [None]
        scene.now = NOON + timedelta(seconds=60)
        assert scene.look_up("printer") == [None]
    assert len(scene.teacher.asked) == 1


def test_an_answer_says_that_it_was_kept_only_where_it_was() -> None:
    with Scene() as scene:
        [first], [again] = scene.ask("a"), scene.ask("a")
    assert not {"cached", "saved_usd"} & first.as_dict().keys()
    assert {name: again.as_dict()[name] for name in ("cached", "saved_usd", "cost_usd")} == {
        "cached": True, "saved_usd": 0.002, "cost_usd": 0.0,
    }  # fmt: skip


def test_replies_stand_in_the_order_of_the_questions() -> None:
    with Scene(lambda question: replace(ANSWER, model=question.fields["tech_raw_text"])) as scene:
        scene.ask("b", "d")
        replies = scene.ask(*"abcde")
    assert [(reply.model, reply.cached) for reply in replies] == [
        ("a", False), ("b", True), ("c", False), ("d", True), ("e", False),
    ]  # fmt: skip


def test_a_batch_is_one_call_to_read_and_one_to_keep() -> None:
    with Scene() as scene:
        scene.ask("a")  # the purge of the hour is behind us
        before = scene.cache.calls
        scene.ask(*map(str, range(50)))
    assert scene.cache.calls - before == 2


def test_what_stands_twice_in_a_batch_is_asked_and_paid_once() -> None:
    with Scene() as scene:
        first, second = scene.ask("a", "a")
    assert len(scene.teacher.asked) == 1
    assert (first.cost_usd, second.cost_usd) == (0.002, 0.0)
    assert (second.cached, second.saved_usd) == (True, 0.002)
    with Scene(lambda question: TeacherFailure("off_schema", "memory", cost_usd=0.5)) as scene:
        assert [reply.cost_usd for reply in scene.ask("a", "a")] == [0.5, 0.0]


def test_failures_are_not_kept() -> None:
    with Scene(lambda question: TeacherFailure("refused", "memory")) as scene:
        scene.ask("a")
        scene.ask("a")
        assert len(scene.teacher.asked) == 2
        assert scene.cache.get([answer_key(use_case(), asked("a"), "memory")], NOON) == {}


def test_an_answer_that_expired_is_asked_for_again_and_purged_once_an_hour() -> None:
    with Scene() as scene:
        scene.ask("a")
        scene.now = NOON + timedelta(seconds=60)
        scene.ask("a")
        assert len(scene.teacher.asked) == 2
        calls = scene.cache.calls
        scene.now = NOON + timedelta(hours=2)
        scene.ask("b")
        assert scene.cache.calls - calls == 3
        assert scene.cache.purge(NOON) == 0
        assert scene.cache.get([answer_key(use_case(), asked("a"), "memory")], NOON) == {}


def test_without_keep_s_nothing_at_all_happens() -> None:
    with Scene() as scene:
        never = use_case(keep_s=0)
        assert scene.ask("a", "a", use_case=never) == [ANSWER, ANSWER]
    assert (len(scene.teacher.asked), scene.cache.calls) == (2, 0)


def test_a_store_that_is_away_costs_the_saving_and_is_not_asked_for_a_while() -> None:
    with Scene() as scene:
        scene.cache.away = True
        assert [scene.ask("a"), scene.ask("a")] == [[ANSWER], [ANSWER]]
    assert (len(scene.teacher.asked), scene.cache.calls) == (2, 1)


def test_a_store_that_hangs_costs_the_saving() -> None:
    free = threading.Event()

    class Hanging(MemoryAnswerCache):
        def get(self, *args: Any) -> Any:
            free.wait(5)
            return super().get(*args)

    with Scene(cache=Hanging(), patience_s=0.05) as scene:
        assert scene.ask("a") == [ANSWER]
        free.set()


def test_a_kept_answer_is_not_kept_anew() -> None:
    with Scene() as scene:
        scene.ask("a")
        scene.now = NOON + timedelta(seconds=59)
        scene.ask("a")
        scene.now = NOON + timedelta(seconds=61)
        [reply] = scene.ask("a")
    assert reply == ANSWER


@pytest.mark.parametrize(
    "other",
    [
        "printer  jams\n",
        " printer jams",
        "printer\u00a0jams",
        "print\u200ber jams".replace("\u200b", ""),
        "ｐrinter jams",
    ],
)
def test_the_same_text_however_it_is_written_has_one_key(other: str) -> None:
    case = use_case()
    assert answer_key(case, asked(other), "t") == answer_key(case, asked("printer jams"), "t")


def test_all_that_makes_an_answer_is_in_its_key() -> None:
    case, question = use_case(), asked("US")
    keys = {
        answer_key(case, question, "gemini:flash"),
        answer_key(case, question, "gemini:pro"),
        answer_key(case, asked("us"), "gemini:flash"),
        answer_key(case, asked("US", prompt="another"), "gemini:flash"),
        answer_key(case, asked("US", classes=("access", "network")), "gemini:flash"),
        answer_key(case, asked("US", fields={"tech_raw_text": "US", "solving": "x"}), "gemini:flash"),
        answer_key(case, asked("US", fields={"tech_raw_text": None, "solving": "US"}), "gemini:flash"),
        answer_key(case, asked("US", use_case="others"), "gemini:flash"),
        answer_key(use_case(redaction={}), question, "gemini:flash"),
        answer_key(use_case(redaction={"names": False}), question, "gemini:flash"),
        answer_key(
            use_case(target={**TICKETS["target"], "classes": ["access", "network", "z"]}), question, "gemini:flash"
        ),
    }
    assert len(keys) == 11
    assert answer_key(use_case(keep_s=7), question, "gemini:flash") in keys
