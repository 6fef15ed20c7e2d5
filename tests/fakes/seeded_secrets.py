"""Secrets of every kind that Understudy is given, each recognisable wherever it may turn up."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from pydantic import SecretStr

from serve_app.adapters.platform_env import settings, variable
from tests.fakes.fake_gemini import FakeGemini
from tests.fakes.fake_openai import FakeOpenAI
from tests.fakes.llm_server import Call
from tests.fakes.running import Running

OUTSIDE = ("ADMIN_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "RAY_AUTH_TOKEN")
"""Secrets that are no keys of ``platform.yaml``."""


def seed(name: str) -> str:
    """As long as the longest that is demanded (32 bytes), and nothing else looks like it."""
    return f"seeded7Secret9{name.lower().replace('_', '')}Xq3Zk5".ljust(48, "w")


def secret_settings() -> list[str]:
    """Every key of the platform that holds a secret, as its environment variable."""
    return [variable(at) for at, info in settings() if _is_secret(info.annotation)]


def seeded(urls: Mapping[str, str]) -> dict[str, str]:
    """An environment with a secret in each such key. ``urls``: those that are addresses, with ``{secret}`` where
    their password stands."""
    names = [*secret_settings(), *OUTSIDE]
    return {name: urls[name].format(secret=seed(name)) if name in urls else seed(name) for name in names}


def found(texts: Iterable[tuple[str, bytes]], secrets: Iterable[str]) -> list[str]:
    """Where any of ``secrets`` stands, as it is, in base64, or as a URL writes it."""
    forms = {form: secret for secret in secrets for form in _forms(secret)}
    return [f"{where}: {forms[form]}" for where, text in texts for form in forms if form in text]


def session_of(understudy: Running) -> Path:
    """Ray's own folder, with the logs of all its processes."""
    lines = (" ".join(each.cmdline()) for each in understudy.all_processes())
    (where,) = {hit[1] for line in lines if (hit := re.search(r"--session[-_]dir[= ](\S+)", line))}
    return Path(where)


def files(*folders: Path) -> Iterator[tuple[str, bytes]]:
    for folder in folders:
        for each in sorted(folder.rglob("*")):
            if each.is_file() and not each.is_symlink():
                yield str(each), each.read_bytes()


def tables(url: str) -> Iterator[tuple[str, bytes]]:
    """Every row of a PostgreSQL database, as text."""
    listed = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
    with psycopg.connect(url) as connection:
        for schema, name in connection.execute(listed).fetchall():
            if not schema.startswith(("pg_", "information_")):
                rows = connection.execute(f'SELECT t::text FROM "{schema}"."{name}" t').fetchall()
                yield f"{schema}.{name}", "\n".join(row[0] for row in rows).encode()


class _Telling:
    """Refuses every key, and repeats it in its refusal, as some providers do. ``heard``: the last one."""

    heard = ""

    def receive(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Call:
        self.heard = headers.get("authorization") or headers.get("x-goog-api-key") or ""
        return super().receive(path, headers, body)  # type: ignore[misc]

    def error(self, status: int) -> dict[str, Any]:
        said: dict[str, Any] = super().error(status)  # type: ignore[misc]
        said["error"]["message"] = f"incorrect API key provided: {self.heard}"
        return said


class TellingOpenAI(_Telling, FakeOpenAI):
    pass


class TellingGemini(_Telling, FakeGemini):
    pass


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in getattr(annotation, "__args__", ())


def _forms(secret: str) -> set[bytes]:
    """Base64 at each of its three offsets, without the ends, which depend on what stands beside."""
    shifted = {base64.b64encode(b"x" * shift + secret.encode())[4:-4] for shift in range(3)}
    return {secret.encode(), quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode(), *shifted}
