"""The token of whoever runs Understudy on this machine: they can read its secret, and so need no password.

It is an ordinary admin's access token, made for a call and gone in minutes.
"""

from __future__ import annotations

import time
from pathlib import Path
from secrets import token_urlsafe

from serve_app.adapters.jwt_secret import secret_of
from serve_app.adapters.jwt_tokens import JwtTokens
from serve_app.adapters.sql_identity import open_identities
from serve_app.core.claims import Claims
from serve_app.core.platform import Platform

MINUTES = 5.0
SESSION = "operator"


class Operator:
    """``name``: of an admin who may log in; None where there is none."""

    def __init__(self, platform: Platform) -> None:
        self._tokens, self.name = JwtTokens(secret_of(platform)), _admin(platform)

    def headers(self) -> dict[str, str]:
        if self.name is None:
            return {}
        now = time.time()
        claims = Claims(self.name, "admin", "access", token_urlsafe(12), SESSION, now, now + MINUTES * 60)
        return {"Authorization": f"Bearer {self._tokens.signed(claims)}"}


def _admin(platform: Platform) -> str | None:
    store = open_identities(platform.store, Path(platform.state))
    try:
        return next((each.name for each in store.all() if each.enabled and each.role == "admin"), None)
    finally:
        store.close()
