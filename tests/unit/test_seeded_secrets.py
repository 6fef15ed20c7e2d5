"""The search for secrets finds them in the forms in which they would be told; and LLM clients log none, whatever the
provider answers."""

from __future__ import annotations

import base64
import logging
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from serve_app.adapters.gemini_teacher import GeminiLLM
from serve_app.adapters.llm_teacher import LLMTeacher
from serve_app.adapters.openai_teacher import OpenAILLM
from serve_app.core.answers import Question, TeacherFailure
from serve_app.core.platform import Gemini, OpenAI
from tests.fakes.seeded_secrets import OUTSIDE, TellingGemini, TellingOpenAI, found, secret_settings, seed, seeded

KEYS = ("UNDERSTUDY_TEACHER__GEMINI__API_KEY", "UNDERSTUDY_TEACHER__OPENAI__API_KEY")


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_a_secret_is_found_in_every_form(before: str) -> None:
    secret = seed("STORE")
    plain = f"{before}{secret} and more".encode()
    for text in (plain, base64.b64encode(plain), quote(plain.decode()).encode()):
        assert found([("log", b"much " + text)], [seed("OTHER"), secret]) == [f"log: {secret}"]
    assert found([("log", secret[:-1].encode())], [secret]) == []


def test_every_secret_of_the_platform_is_seeded() -> None:
    assert {*KEYS, "UNDERSTUDY_STORE__URL", "UNDERSTUDY_BUDGET__URL"} <= set(secret_settings())
    given = seeded({"UNDERSTUDY_STORE__URL": "postgresql://me:{secret}@here/db"})
    assert set(given) == {*secret_settings(), *OUTSIDE}
    assert given["UNDERSTUDY_STORE__URL"] == f"postgresql://me:{seed('UNDERSTUDY_STORE__URL')}@here/db"
    assert len({seed(name) for name in given}) == len(given)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("behaviour", ["bad_key", "server_error", "rate_limited", "reset", "not_json", "good"])
async def test_no_key_is_logged_whatever_the_llm_does(behaviour: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    question = Question("desk", "Choose.", {"text": "the wifi is down"}, ("network", "printer"))
    with TellingGemini(behaviour) as gemini, TellingOpenAI(behaviour) as openai:
        keys = [SecretStr(seed(name)) for name in KEYS]
        llms = [
            GeminiLLM(Gemini(api_key=keys[0], base_url=gemini.base_url), None, 5.0, 64, 2),
            OpenAILLM(OpenAI(api_key=keys[1], base_url=openai.base_url), None, 5.0, 64, 2),
        ]
        replies = []
        for llm in llms:
            teacher = LLMTeacher(llm, 5.0, 64)
            replies.append(await teacher.answer(question))
            await teacher.close()
        assert [seed(name) in fake.heard for name, fake in zip(KEYS, (gemini, openai), strict=True)] == [True, True]
    assert all(isinstance(reply, TeacherFailure) for reply in replies) == (behaviour != "good")
    assert caplog.records
    assert found([("log", caplog.text.encode()), ("replies", repr(replies).encode())], map(seed, KEYS)) == []
