"""The policy of a use case: all that turns the student's answer into a decision, under one version.

Two predictions with the same model version and the same policy version were made by the same rules.
"""

from __future__ import annotations

from serve_app.core.events import digest
from serve_app.core.use_case import UseCase


def policy_version(use_case: UseCase, prompt: str) -> str:
    """``sha256:…`` over cascade, decision, teacher settings and the text of its prompt."""
    parts = use_case.model_dump(mode="json", include={"cascade", "decision", "teacher"})
    return digest({**parts, "prompt": prompt})
