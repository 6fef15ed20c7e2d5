"""No teacher at all: the student is on its own."""

from __future__ import annotations

from serve_app.core.answers import Question, TeacherFailure, TeacherReply
from serve_app.core.tariff import Flat


class NoTeacher:
    name, tariff = "none", Flat()

    async def answer(self, question: Question) -> TeacherReply:
        return TeacherFailure("no_teacher")

    async def close(self) -> None:
        return None
