"""A fake of the Gemini API: ``POST /v1beta/models/{model}:generateContent``."""

from __future__ import annotations

from typing import Any

from tests.fakes.llm_server import FakeLLM


class FakeGemini(FakeLLM):
    bad_key_status = 400  # the real one answers a wrong key so
    thoughts = 0

    def user_text(self, body: dict[str, Any]) -> str:
        return "".join(part["text"] for content in body["contents"] for part in content["parts"])

    def schema(self, body: dict[str, Any]) -> dict[str, Any] | None:
        return body["generationConfig"].get("responseSchema")

    def answer(self, text: str) -> dict[str, Any]:
        thoughts = [{"text": "Let me see: ", "thought": True}] if self.thoughts else []
        content = {"role": "model", "parts": [*thoughts, {"text": text}]}
        return {"candidates": [{"content": content, "finishReason": "STOP"}], **self._usage()}

    def refusal(self) -> dict[str, Any]:
        return {"candidates": [{"finishReason": "SAFETY"}], **self._usage()}

    def blocked(self) -> tuple[int, dict[str, Any]]:
        return 200, {"promptFeedback": {"blockReason": "SAFETY"}, **self._usage()}

    def nothing(self) -> dict[str, Any]:
        return {"candidates": [], **self._usage()}

    def error(self, status: int) -> dict[str, Any]:
        names = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
        problem = {"code": status, "message": "as scripted", "status": names[status]}
        return {"error": {**problem, "details": details} if status == 400 else problem}

    def _usage(self) -> dict[str, Any]:
        prompt, answer = self.tokens
        counts = {"promptTokenCount": prompt, "candidatesTokenCount": answer, "thoughtsTokenCount": self.thoughts}
        return {"usageMetadata": counts, "modelVersion": "fake"}
