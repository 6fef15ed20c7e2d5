"""The registry for whoever trains: over the serving application where one runs, so that whatever moves
the alias is prepared by every replica first; else directly. Blocks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import ray
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from pipelines.handles import blocking_handle
from serve_app.adapters.hop import ours
from serve_app.adapters.registries import move_champion, open_registry
from serve_app.core.errors import RegistryUnavailable
from serve_app.core.platform import Platform
from serve_app.core.ports import Bundle, Registry, Version

SERVED = ("Registry", "understudy")
"""Deployment and application of the serving side: the name crosses, no import."""

PATIENCE_S = 300.0
"""Longer than a swap with a slow trial on every replica takes."""


class ServedRegistry:
    """The port ``Registry`` over a Serve handle. Raises what the registry raised over there."""

    def __init__(self, handle: Any, patience_s: float = PATIENCE_S) -> None:
        self._handle, self._patience_s = handle, patience_s

    def register(self, use_case: str, bundle: Bundle, metrics: Mapping[str, float], tags: Mapping[str, str]) -> Version:
        made: Version = self._ask("register", use_case, bundle, metrics, tags)
        return made

    def set_tags(self, use_case: str, version: str, tags: Mapping[str, str]) -> None:
        self._ask("set_tags", use_case, version, tags)

    def version(self, use_case: str, version: str) -> Version:
        found: Version = self._ask("version", use_case, version)
        return found

    def versions(self, use_case: str) -> list[Version]:
        found: list[Version] = self._ask("versions", use_case)
        return found

    def aliased(self, use_case: str, alias: str) -> Version | None:
        found: Version | None = self._ask("aliased", use_case, alias)
        return found

    def set_alias(self, use_case: str, alias: str, version: str) -> None:
        self._ask("set_alias", use_case, alias, version)

    def remove_alias(self, use_case: str, alias: str) -> None:
        self._ask("remove_alias", use_case, alias)

    def fetch(self, use_case: str, version: str) -> Bundle:
        bundle: Bundle = self._ask("fetch", use_case, version)
        return bundle

    def promote(self, use_case: str, version: str, by: str, reason: str, job_id: str | None) -> dict[str, Any]:
        promoted: dict[str, Any] = self._ask("promote", use_case, version, by, reason, job_id)
        return promoted

    def _ask(self, method: str, *args: Any) -> Any:
        try:
            return getattr(self._handle, method).remote(*args).result(timeout_s=self._patience_s)
        except RayError as error:  # what was raised over there arrives as both
            raise ours(error) from None
        except (RayServeException, TimeoutError) as error:
            raise RegistryUnavailable(f"the serving side's registry does not answer ({type(error).__name__})") from None


def reach(platform: Platform) -> Registry:
    """Raises RegistryUnavailable."""
    return _served() or open_registry(platform)


def promote_version(
    platform: Platform, use_case: str, version: str, by: str, reason: str, job_id: str | None = None
) -> dict[str, Any]:
    """``version``, ``previous``, ``replicas``, ``prepared_s``, ``committed_at``. Raises PromotionRefused when a
    replica cannot serve it (nothing has changed, and it is audited), NotFound, RegistryUnavailable."""
    served = _served()
    if served is not None:
        return served.promote(use_case, version, by, reason, job_id)
    previous = move_champion(open_registry(platform), use_case, version)
    at = datetime.now(UTC).isoformat()
    return {"version": version, "previous": previous, "replicas": 0, "prepared_s": 0.0, "committed_at": at}


def _served() -> ServedRegistry | None:
    if not ray.is_initialized():  # asking for a handle would start a cluster
        return None
    try:
        return ServedRegistry(blocking_handle(*SERVED))
    except (KeyError, RayServeException):  # Serve raises KeyError for an application it has not got
        return None
