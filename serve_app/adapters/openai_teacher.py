"""Any OpenAI-compatible endpoint, by httpx: ``POST {base_url}/chat/completions``."""

from __future__ import annotations

from typing import Any

import httpx

from serve_app.adapters.llm import (
    CallFailed,
    Completion,
    Schema,
    failed_status,
    failed_transport,
    http_client,
)
from serve_app.core.platform import OpenAI


class OpenAILLM:
    """``timeout_s`` bounds each read, ``connections`` the pool. Needs ``settings.api_key``."""

    provider = "openai"

    def __init__(
        self, settings: OpenAI, model: str | None, timeout_s: float, max_output_tokens: int, connections: int
    ) -> None:
        self.model = model or settings.model
        self.prices = settings.prices
        self._max_output_tokens = max_output_tokens
        self._url = settings.base_url.rstrip("/") + "/chat/completions"
        self._key = settings.api_key
        self._http = http_client(timeout_s, connections)

    async def complete(self, system: str, user: str, schema: Schema | None) -> Completion | CallFailed:
        try:
            response = await self._http.post(
                self._url, json=self._body(system, user, schema), headers=self._authorization()
            )
        except httpx.HTTPError as error:
            return failed_transport(error)
        if response.status_code != 200:
            return _failed(response)
        return _completion(response)

    async def close(self) -> None:
        await self._http.aclose()

    def _authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._key.get_secret_value().strip()}"} if self._key else {}

    def _body(self, system: str, user: str, schema: Schema | None) -> dict[str, Any]:
        body = {
            "model": self.model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
            "temperature": 0,
            "max_tokens": self._max_output_tokens,
        }
        if schema is None:
            return body
        form = {"name": "answer", "strict": True, "schema": schema}
        return {**body, "response_format": {"type": "json_schema", "json_schema": form}}


def _completion(response: httpx.Response) -> Completion | CallFailed:
    try:
        content = response.json()
        choices = content.get("choices") or [{}]
        message = choices[0].get("message") or {}
        usage = content.get("usage") or {}
        return Completion(
            str(message.get("content") or ""),
            int(usage.get("prompt_tokens") or 0),
            int(usage.get("completion_tokens") or 0),
            bool(message.get("refusal")) or choices[0].get("finish_reason") == "content_filter",
        )
    except (ValueError, TypeError, AttributeError, LookupError):
        return CallFailed("off_schema")  # no JSON, or not of the promised shape


def _failed(response: httpx.Response) -> CallFailed:
    if response.status_code == 400 and "content_filter" in response.text:  # how Azure refuses
        return CallFailed("refused")
    return failed_status(response.status_code, response.headers)
