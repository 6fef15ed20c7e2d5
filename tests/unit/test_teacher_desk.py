"""The breaker's state is told to whoever keeps figures, each time that it may have changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from serve_app.adapters.circuit import State
from serve_app.adapters.gauges import LEVEL
from serve_app.adapters.memory_answer_cache import MemoryAnswerCache
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.answers import Question
from serve_app.core.platform import Teacher
from serve_app.deployments.teacher import TeacherDesk
from tests.fakes.fake_openai import FakeOpenAI
from tests.fakes.small_models import STONES, write_use_case

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_it_opens_and_closes_before_somebodys_eyes(tmp_path: Path) -> None:
    write_use_case(tmp_path, "stones")
    told: list[tuple[str, str, State]] = []
    with FakeOpenAI("server_error") as llm:
        settings = Teacher.model_validate(
            {"openai": {"api_key": "none", "base_url": llm.base_url}, "breaker": {"failures": 2, "reset_s": 0.05}}
        )
        desk = TeacherDesk(
            UseCaseFolder(tmp_path / "use_cases"), settings, MemoryAnswerCache, lambda *t: told.append(t)
        )
        asked = [Question("stones", "Name the kind.", {"weight": 1.0}, STONES)]
        await desk.answer("stones", asked, 5.0)
        assert told == [("stones", "openai", "open")]
        llm.behaviour = "good"
        while (await desk.describe("stones"))["breaker"] == "open":
            pass
        await desk.answer("stones", asked, 5.0)
    assert [state for *_, state in told][-2:] == ["half-open", "closed"]
    assert set(LEVEL) == {"closed", "half-open", "open"}
