"""The registry in memory: for tests, and for a graph that lives as long as its process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from serve_app.core.bundle import check, digest_of
from serve_app.core.errors import NotFound, RegistryUnavailable
from serve_app.core.ports import Bundle, Version


class MemoryRegistry:
    """``away``: set it to True and every call raises RegistryUnavailable."""

    def __init__(self) -> None:
        self.away = False
        self._lock = threading.Lock()
        self._versions: dict[str, list[tuple[Version, Bundle]]] = {}
        self._aliases: dict[tuple[str, str], str] = {}

    def register(self, use_case: str, bundle: Bundle, metrics: Mapping[str, float], tags: Mapping[str, str]) -> Version:
        self._reach()
        check(bundle, None)
        with self._lock:
            kept = self._versions.setdefault(use_case, [])
            if there := [made for made, _ in kept if "job" in tags and made.tags.get("job") == tags["job"]]:
                return self._with_aliases(there[0])
            number, now = str(len(kept) + 1), datetime.now(UTC)
            version = Version(use_case, number, digest_of(bundle), (), dict(metrics), dict(tags), now)
            kept.append((version, dict(bundle)))
        return version

    def set_tags(self, use_case: str, version: str, tags: Mapping[str, str]) -> None:
        found, bundle = self._find(use_case, version)
        with self._lock:
            kept = self._versions[use_case]
            kept[kept.index((found, bundle))] = (replace(found, tags={**found.tags, **tags}), bundle)

    def version(self, use_case: str, version: str) -> Version:
        return self._with_aliases(self._find(use_case, version)[0])

    def versions(self, use_case: str) -> list[Version]:
        self._reach()
        return [self._with_aliases(version) for version, _ in reversed(self._versions.get(use_case, []))]

    def aliased(self, use_case: str, alias: str) -> Version | None:
        self._reach()
        number = self._aliases.get((use_case, alias))
        return None if number is None else self.version(use_case, number)

    def set_alias(self, use_case: str, alias: str, version: str) -> None:
        self._find(use_case, version)
        self._aliases[use_case, alias] = version

    def remove_alias(self, use_case: str, alias: str) -> None:
        self._reach()
        self._aliases.pop((use_case, alias), None)

    def fetch(self, use_case: str, version: str) -> Bundle:
        return dict(self._find(use_case, version)[1])

    def _find(self, use_case: str, number: str) -> tuple[Version, Bundle]:
        self._reach()
        for version, bundle in self._versions.get(use_case, []):
            if version.version == number:
                return version, bundle
        raise NotFound(f"{use_case} has no model version {number!r}")

    def _with_aliases(self, version: Version) -> Version:
        named = {alias: number for (use_case, alias), number in self._aliases.items() if use_case == version.use_case}
        return replace(version, aliases=tuple(sorted(a for a, number in named.items() if number == version.version)))

    def _reach(self) -> None:
        if self.away:
            raise RegistryUnavailable("the registry in memory was told to be away")
