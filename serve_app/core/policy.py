"""The policy of a use case: all that turns the student's answer into a decision, under one version.

Two predictions with the same model version and the same policy version were made by the same rules. What
stood behind a version is kept, so that a decision can be made again when the configuration is long
another. A version is the digest of its content, so that content which was changed since shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from serve_app.core.cascade import Cascade
from serve_app.core.config import Config
from serve_app.core.decision import Decision
from serve_app.core.errors import BadConfig
from serve_app.core.events import digest
from serve_app.core.use_case import Classification, Target, Teacher, UseCase, WhenShort


class Policy(Config):
    """``prompt``: as rendered. ``when_short``: whose a row is that nobody paid for; None in what was kept before
    it was part of the policy. The rest of the budget is none: which rows the money reached is the moment's doing,
    as an audit's chance is, and a larger sum makes no decision another one. No secret is part of it: keys stand in
    ``platform.yaml`` alone."""

    cascade: Cascade
    decision: Decision
    teacher: Teacher
    target: Target
    prompt: str
    when_short: WhenShort | None = None

    def content(self) -> dict[str, Any]:
        """As JSON."""
        return self.model_dump(mode="json")

    @property
    def positive(self) -> str | None:
        return self.target.positive if isinstance(self.target, Classification) else None


def policy_of(use_case: UseCase, prompt: str) -> Policy:
    return Policy(
        cascade=use_case.cascade,
        decision=use_case.decision,
        teacher=use_case.teacher,
        target=use_case.target,
        prompt=prompt,
        when_short=use_case.budget.when_short,
    )


def policy_version(use_case: UseCase, prompt: str) -> str:
    """``sha256:…`` over cascade, decision, teacher settings and the text of its prompt, the target, and
    whose a row is that nobody paid for."""
    return version_of(policy_of(use_case, prompt).content())


def version_of(content: Mapping[str, Any]) -> str:
    """The version that this content stands behind."""
    return digest(dict(content))


def read_policy(content: Mapping[str, Any]) -> Policy:
    """Raises BadConfig for content that this release cannot read."""
    try:
        return Policy.model_validate_json(json.dumps(content).encode("utf-8"))
    except (ValidationError, ValueError) as error:
        raise BadConfig(f"a policy that was kept cannot be read: {error}") from None
