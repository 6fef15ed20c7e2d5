"""Opens the configured budget."""

from __future__ import annotations

from pathlib import Path

from serve_app.adapters.redis_budget import RedisBudget
from serve_app.adapters.sql_budget import SqlBudget
from serve_app.adapters.sql_store import made_ready
from serve_app.core.platform import Platform, Store
from serve_app.core.ports import Budget

PATIENCE_S = 2.0
"""With a Redis server: somebody waits for an answer, and without money the student can give one."""

REDIS = ("redis://", "rediss://", "unix://")


def open_budget(platform: Platform) -> Budget:
    """By ``budget.url``: a Redis server, a database of its own, or (empty) the event log's. Raises BadConfig,
    and StoreUnavailable for a database that is away."""
    url = platform.budget.url.get_secret_value()
    if url.startswith(REDIS):
        return RedisBudget(url, PATIENCE_S)
    store = platform.store if not url else platform.store.model_copy(update={"url": platform.budget.url})
    return open_sql_budget(store, Path(platform.state))


def open_sql_budget(store: Store, state: Path) -> SqlBudget:
    """In a database of the event log's kind, its schema brought up to date."""
    return SqlBudget(made_ready(store, state), synchronous=store.synchronous, timeout_s=store.timeout_s)
