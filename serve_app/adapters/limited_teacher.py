"""How much of a teacher one caller may have: a token a question, out of the caller's own bucket."""

from __future__ import annotations

from collections.abc import Sequence

from serve_app.adapters.kept_answers import Asked
from serve_app.core.answers import Question, TeacherReply
from serve_app.core.buckets import TOO_OFTEN, Bucket
from serve_app.core.ports import Buckets


class Allowance:
    """``bucket``: what each caller's holds; None where nobody is limited."""

    def __init__(self, bucket: Bucket | None, buckets: Buckets | None) -> None:
        self._bucket, self._buckets = bucket, buckets

    async def of(self, whose: str, wanted: int) -> int:
        """How many of ``wanted`` questions may be asked for ``whose``, who has paid for them then."""
        if self._bucket is None or self._buckets is None or not whose:
            return wanted
        return (await self._buckets.take([f"llm:{whose}"], self._bucket, wanted, 0)).granted


class LimitedTeacher:
    """``teacher``, as far as ``whose`` may ask it. The rest is not asked: the student answers."""

    def __init__(self, teacher: Asked, allowance: Allowance, whose: str) -> None:
        self._teacher, self._allowance, self._whose = teacher, allowance, whose

    @property
    def name(self) -> str:
        return self._teacher.name

    async def answer_all(self, questions: Sequence[Question], deadline_s: float) -> list[TeacherReply]:
        """Those that come first are asked."""
        allowed = await self._allowance.of(self._whose, len(questions))
        asked = await self._teacher.answer_all(questions[:allowed], deadline_s) if allowed else []
        return [*asked, *([TOO_OFTEN] * (len(questions) - allowed))]
