"""Gemini by google-genai, over an HTTP client of our own.

Left to itself the SDK speaks through whichever of aiohttp, httpx2 and httpx it finds installed (so
its time-outs and resets come under three sets of names), and over aiohttp it repeats a failed
connection after a sleep of 1 to 10 s. A given ``httpx.AsyncClient`` fixes the first, ``attempts=1``
the second.
"""

from __future__ import annotations

from typing import Any

import httpx
from google import genai
from google.genai import errors, types

from serve_app.adapters.llm import (
    CallFailed,
    Completion,
    Schema,
    failed_status,
    failed_transport,
    http_client,
    tls,
)
from serve_app.core.platform import Gemini

_REFUSED = {
    types.FinishReason.SAFETY,
    types.FinishReason.RECITATION,
    types.FinishReason.BLOCKLIST,
    types.FinishReason.PROHIBITED_CONTENT,
    types.FinishReason.SPII,
}


class GeminiLLM:
    """``timeout_s`` bounds each read, ``connections`` the pool. Needs ``settings.api_key``."""

    provider = "gemini"

    def __init__(
        self, settings: Gemini, model: str | None, timeout_s: float, max_output_tokens: int, connections: int
    ) -> None:
        self.model = model or settings.model
        self.prices = settings.prices
        self._max_output_tokens = max_output_tokens
        self._http = http_client(timeout_s, connections)
        self._client = _client(settings, timeout_s, self._http)

    async def complete(self, system: str, user: str, schema: Schema | None) -> Completion | CallFailed:
        try:
            response = await self._client.aio.models.generate_content(
                model=self.model, contents=user, config=self._config(system, schema)
            )
        except errors.APIError as error:
            return _failed(error)
        except (httpx.HTTPError, TimeoutError) as error:
            return failed_transport(error)
        except (ValueError, errors.UnknownApiResponseError):
            return CallFailed("off_schema")  # the body is not what the API promises, or no JSON at all
        return _completion(response)

    async def close(self) -> None:
        await self._http.aclose()

    def _config(self, system: str, schema: Schema | None) -> types.GenerateContentConfig:
        return types.GenerateContentConfig(
            system_instruction=system,
            temperature=0,
            max_output_tokens=self._max_output_tokens,
            thinking_config=_thinking(self.model),
            response_mime_type="application/json" if schema else "text/plain",
            response_schema=_response_schema(schema) if schema else None,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )


def _client(settings: Gemini, timeout_s: float, http: httpx.AsyncClient) -> genai.Client:
    """``vertexai=False`` is said aloud, since an environment variable can turn it on."""
    options = types.HttpOptions(
        base_url=settings.base_url,
        timeout=max(1, round(timeout_s * 1000)),
        retry_options=types.HttpRetryOptions(attempts=1),
        httpx_async_client=http,
        httpx_client=httpx.Client(verify=tls()),  # never used; without it the SDK makes one, slowly
    )
    key = settings.api_key.get_secret_value().strip() if settings.api_key else None
    return genai.Client(api_key=key, vertexai=False, http_options=options)


def _thinking(model: str) -> types.ThinkingConfig | None:
    """Gemini 2.5 Flash thinks unless told not to, and its thoughts use up the output tokens. Other
    models refuse the setting or do not think by default."""
    return types.ThinkingConfig(thinking_budget=0) if model.startswith("gemini-2.5-flash") else None


def _response_schema(schema: Schema) -> dict[str, Any]:
    """Gemini's own dialect: no ``additionalProperties``, and the order of keys said apart."""
    kept = {key: value for key, value in schema.items() if key != "additionalProperties"}
    return {**kept, "property_ordering": list(schema["properties"])}


def _completion(response: types.GenerateContentResponse) -> Completion:
    tokens_in, tokens_out = _tokens(response.usage_metadata)
    candidate = response.candidates[0] if response.candidates else None
    blocked = response.prompt_feedback is not None and response.prompt_feedback.block_reason is not None
    refused = blocked if candidate is None else candidate.finish_reason in _REFUSED
    return Completion("" if candidate is None else _text(candidate), tokens_in, tokens_out, refused)


def _text(candidate: types.Candidate) -> str:
    parts = (candidate.content.parts or []) if candidate.content else []
    return "".join(part.text for part in parts if part.text and not part.thought)


def _tokens(usage: types.GenerateContentResponseUsageMetadata | None) -> tuple[int, int]:
    """Tokens in and out; thoughts are billed as output."""
    if usage is None:
        return 0, 0
    out = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return usage.prompt_token_count or 0, out


def _failed(error: errors.APIError) -> CallFailed:
    if error.code == 400 and "API_KEY_INVALID" in str(error.details):  # Gemini's answer to a wrong key
        return CallFailed("bad_credentials")
    headers = error.response.headers if isinstance(error.response, httpx.Response) else {}
    named = failed_status(error.code, headers)
    if named.retry_after_s is None:
        return CallFailed(named.reason, _retry_delay(error.details))
    return named


def _retry_delay(details: Any) -> float | None:
    """Gemini says when to come back in a ``google.rpc.RetryInfo``, ``{"retryDelay": "17s"}``."""
    error = details.get("error", details) if isinstance(details, dict) else {}
    listed = error.get("details") if isinstance(error, dict) else None
    delays = [str(d["retryDelay"]) for d in listed or () if isinstance(d, dict) and "retryDelay" in d]
    try:
        return float(delays[0].removesuffix("s")) if delays else None
    except ValueError:
        return None
