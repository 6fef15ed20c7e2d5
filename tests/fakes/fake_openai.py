"""A fake of an OpenAI-compatible endpoint: ``POST /v1/chat/completions``."""

from __future__ import annotations

from typing import Any

from tests.fakes.llm_server import FakeLLM


class FakeOpenAI(FakeLLM):
    @property
    def base_url(self) -> str:
        return super().base_url + "/v1"

    def user_text(self, body: dict[str, Any]) -> str:
        return next(m["content"] for m in body["messages"] if m["role"] == "user")

    def schema(self, body: dict[str, Any]) -> dict[str, Any] | None:
        form = body.get("response_format")
        return form["json_schema"]["schema"] if form else None

    def answer(self, text: str) -> dict[str, Any]:
        return self._reply([self._choice({"role": "assistant", "content": text, "refusal": None})])

    def refusal(self) -> dict[str, Any]:
        return self._reply([self._choice({"role": "assistant", "content": None, "refusal": "I cannot help."})])

    def blocked(self) -> tuple[int, dict[str, Any]]:
        return 400, {"error": {"message": "filtered", "code": "content_filter"}}

    def nothing(self) -> dict[str, Any]:
        return self._reply([])

    def error(self, status: int) -> dict[str, Any]:
        return {"error": {"message": "as scripted", "type": "error", "code": str(status)}}

    def _choice(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"index": 0, "message": message, "finish_reason": "stop"}

    def _reply(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        prompt, answer = self.tokens
        usage = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
        return {"id": "fake", "object": "chat.completion", "choices": choices, "usage": usage}
