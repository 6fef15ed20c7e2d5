"""Builds the teacher and the narrator of a use case: the first of its providers that is usable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from serve_app.adapters.guarded_teacher import GuardedTeacher
from serve_app.adapters.llm import LLM
from serve_app.adapters.llm_narrator import LLMNarrator
from serve_app.adapters.llm_teacher import LLMTeacher
from serve_app.adapters.no_teacher import NoTeacher
from serve_app.adapters.recorded_teacher import RecordedTeacher
from serve_app.core import platform
from serve_app.core.ports import Teacher
from serve_app.core.use_case import (
    GeminiProvider,
    NoProvider,
    OpenAIProvider,
    Provider,
    RecordedProvider,
    UseCase,
)

KEYS = {
    "gemini": ("Gemini", "UNDERSTUDY_TEACHER__GEMINI__API_KEY"),
    "openai": ("OpenAI", "UNDERSTUDY_TEACHER__OPENAI__API_KEY"),
}


@dataclass(frozen=True, slots=True)
class Described:
    """``real`` is False for a stand-in: recorded answers, or nobody where an LLM was meant."""

    name: str
    real: bool
    detail: str


def build_teacher(settings: platform.Teacher, use_case: UseCase, folder: Path) -> GuardedTeacher:
    """``folder`` is the use case's. Raises BadConfig for a file of recorded answers that is there
    and cannot be used."""
    provider = chosen(settings, use_case.teacher.providers, folder)
    return GuardedTeacher(
        _teacher(settings, provider, use_case, folder),
        settings.timeout_s,
        settings.deadline_s,
        settings.concurrency,
        settings.breaker,
    )


def build_narrator(settings: platform.Teacher, use_case: UseCase) -> LLMNarrator | None:
    """By the first LLM among the providers that has a key; None when there is none, or no prompt."""
    if use_case.narrative is None or use_case.narrative.prompt is None:
        return None
    for provider in use_case.teacher.providers:
        if isinstance(provider, GeminiProvider | OpenAIProvider) and _has_key(settings, provider):
            return LLMNarrator(_llm(settings, provider), settings.timeout_s, settings.breaker)
    return None


def describe(settings: platform.Teacher, use_case: UseCase, folder: Path) -> Described:
    """What answers, and what is wanting for the one that was meant. Reads no file, opens no connection."""
    providers = use_case.teacher.providers
    provider = chosen(settings, providers, folder)
    wanting = _wanting(providers, provider)
    match provider:
        case RecordedProvider():
            return Described("recorded", False, f"recorded (simulated answers{wanting})")
        case NoProvider():
            real = all(isinstance(each, NoProvider) for each in providers)
            return Described("none", real, f"none (the student is on its own{wanting})")
    name = f"{provider.kind}:{provider.model or _settings(settings, provider).model}"
    return Described(name, True, name + (f" ({wanting[2:]})" if wanting else ""))


def chosen(settings: platform.Teacher, providers: Sequence[Provider], folder: Path) -> Provider:
    return next((p for p in providers if _usable(settings, p, folder)), NoProvider(kind="none"))


def _usable(settings: platform.Teacher, provider: Provider, folder: Path) -> bool:
    match provider:
        case RecordedProvider():
            return (folder / provider.file).is_file()
        case NoProvider():
            return True
    return _has_key(settings, provider)


def _wanting(providers: Sequence[Provider], provider: Provider) -> str:
    """What would make the providers before ``provider`` usable."""
    before = list(providers)[: providers.index(provider)] if provider in providers else providers
    hints = [_hint(each) for each in before]
    return f"; {', or '.join(hints)}" if hints else ""


def _hint(provider: Provider) -> str:
    if isinstance(provider, RecordedProvider):
        return f"there is no file {provider.file}"
    title, variable = KEYS[provider.kind]
    return f"set {variable} for {title}"


def _teacher(settings: platform.Teacher, provider: Provider, use_case: UseCase, folder: Path) -> Teacher:
    match provider:
        case RecordedProvider():
            return RecordedTeacher.read(provider, use_case, folder)
        case NoProvider():
            return NoTeacher()
    return LLMTeacher(_llm(settings, provider), settings.timeout_s, settings.max_output_tokens)


def _llm(settings: platform.Teacher, provider: GeminiProvider | OpenAIProvider) -> LLM:
    """The adapters are imported here: google-genai takes more than a second, and is seldom needed."""
    limits = (settings.timeout_s, settings.max_output_tokens, settings.concurrency)
    if isinstance(provider, GeminiProvider):
        from serve_app.adapters.gemini_teacher import GeminiLLM

        return GeminiLLM(settings.gemini, provider.model, *limits)
    from serve_app.adapters.openai_teacher import OpenAILLM

    return OpenAILLM(settings.openai, provider.model, *limits)


def _settings(
    settings: platform.Teacher, provider: GeminiProvider | OpenAIProvider
) -> platform.Gemini | platform.OpenAI:
    return settings.gemini if isinstance(provider, GeminiProvider) else settings.openai


def _has_key(settings: platform.Teacher, provider: GeminiProvider | OpenAIProvider) -> bool:
    return bool((_settings(settings, provider).api_key or SecretStr("")).get_secret_value().strip())
