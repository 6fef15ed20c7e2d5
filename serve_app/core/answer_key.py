"""Under which key a teacher's answer is kept: the digest of all that made it.

The same question is the same text, up to Unicode's ways to write one character and to white space, after redaction,
under the same prompt, closed set of classes, teacher (provider and model), schema and redaction. Case counts: "US"
and "us" are two words. Whatever changes any of these asks anew, and what was kept for the old is never found again.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from serve_app.core.answers import Question
from serve_app.core.events import digest
from serve_app.core.manifest import schema_version
from serve_app.core.use_case import UseCase


def answer_key(use_case: UseCase, question: Question, teacher: str) -> str:
    """``sha256:…``; ``teacher``: provider and model, as ``Teacher.name`` has them."""
    rules = None if use_case.redaction is None else use_case.redaction.model_dump(mode="json")
    return digest(
        {
            "use_case": question.use_case,
            "fields": {name: normalised(value) for name, value in question.fields.items()},
            "prompt": question.prompt,
            "classes": list(question.classes),
            "teacher": teacher,
            "schema": schema_version(use_case),
            "redaction": rules,
        }
    )


def normalised(value: Any) -> Any:
    """NFKC and single blanks for a text, a number as it is."""
    return " ".join(unicodedata.normalize("NFKC", value).split()) if isinstance(value, str) else value
