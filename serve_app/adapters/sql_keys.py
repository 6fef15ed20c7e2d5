"""Keys of machines, in SQLite (embedded) or PostgreSQL (production)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from serve_app.adapters.sql_rows import API_KEY, escaped, utc
from serve_app.adapters.sql_store import SqlStore
from serve_app.adapters.sql_tables import api_keys
from serve_app.core.errors import UnknownApiKey
from serve_app.core.identity import ApiKey

KEYS = api_keys.c


class SqlApiKeys(SqlStore):
    def add_key(self, key: ApiKey) -> None:
        with self._writing() as connection:
            connection.execute(self._insert(api_keys), API_KEY.row(key))

    def key_of(self, digest: str) -> ApiKey | None:
        with self._reading() as connection:
            found = connection.execute(select(api_keys).where(KEYS.digest == escaped(digest))).mappings().first()
        return None if found is None else API_KEY.of(found)

    def keys(self) -> list[ApiKey]:
        with self._reading() as connection:
            return [API_KEY.of(row) for row in connection.execute(select(api_keys).order_by(KEYS.id.desc())).mappings()]

    def revoke_key(self, key_id: str, now: datetime) -> ApiKey:
        mine = KEYS.id == escaped(key_id)
        with self._writing() as connection:
            connection.execute(update(api_keys).where(mine, KEYS.revoked_at.is_(None)).values(revoked_at=utc(now)))
            found = connection.execute(select(api_keys).where(mine)).mappings().first()
        if found is None:
            raise UnknownApiKey("no API key has such an id")
        return API_KEY.of(found)
