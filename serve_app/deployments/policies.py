"""Keeps what stands behind a policy version, before the first prediction that names it is written down."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from serve_app.adapters.prompts import Prompts
from serve_app.core.errors import Unavailable
from serve_app.core.policy import policy_of, version_of
from serve_app.core.ports import Policies
from serve_app.core.use_case import UseCase
from serve_app.deployments.calls import call


class KeptPolicies:
    """``cascade``: a handle. A version costs one write for each process, and nothing after that."""

    def __init__(self, policies: Policies, prompts: Prompts, cascade: Any) -> None:
        self._policies, self._prompts, self._cascade = policies, prompts, cascade
        self._kept: set[str] = set()

    async def keep(self, use_case: UseCase, version: str) -> None:
        """Returns when the content of ``version`` is durable. Raises StoreUnavailable, Unavailable."""
        if version in self._kept:
            return
        content = await self._content(use_case, version)
        await asyncio.to_thread(self._policies.put, version, use_case.name, content, datetime.now(UTC))
        self._kept.add(version)

    async def _content(self, use_case: UseCase, version: str) -> dict[str, Any]:
        """Mostly what this process reads itself; for a moment after an edit the cascade, which made the
        version, may have read another configuration, and is asked."""
        own = policy_of(use_case, self._prompts.of(use_case.name)).content()
        if version_of(own) == version:
            return own
        theirs: dict[str, Any] | None = await call(self._cascade.policy, version)
        if theirs is None:
            raise Unavailable(f"the configuration of {use_case.name} is being read again", 2)
        return theirs
