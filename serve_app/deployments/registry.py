"""The registry behind one deployment: MLflow is imported once on the cluster, not by every model."""

from __future__ import annotations

import asyncio
from typing import Any

from ray import serve

from serve_app.adapters.registries import described, nothing_registered, open_registry
from serve_app.core.platform import Platform
from serve_app.core.ports import Bundle, Version
from serve_app.deployments.options import thin

PROBE = "none"
"""A name that is asked for only to see whether the registry answers."""


class RegistryDesk:
    """Opens the registry at the first call: nobody waits for MLflow's import but who asks it."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._opening = asyncio.Lock()
        self._registry: Any = None

    async def aliased(self, use_case: str, alias: str) -> Version | None:
        """Raises RegistryUnavailable."""
        if self._registry is None and nothing_registered(self._platform):
            return None  # a first start need not wait for MLflow to make its database
        return await asyncio.to_thread((await self._open()).aliased, use_case, alias)

    async def fetch(self, use_case: str, version: str) -> Bundle:
        """Raises RegistryUnavailable, NotFound."""
        return await asyncio.to_thread((await self._open()).fetch, use_case, version)

    async def describe(self) -> str:
        """What it is, once it has answered just now. Raises RegistryUnavailable."""
        if not nothing_registered(self._platform):
            await asyncio.to_thread((await self._open()).aliased, PROBE, "champion")
        return described(self._platform)

    async def _open(self) -> Any:
        async with self._opening:
            if self._registry is None:
                self._registry = await asyncio.to_thread(open_registry, self._platform)
        return self._registry


Registry = serve.deployment(**thin("Registry"))(RegistryDesk)
