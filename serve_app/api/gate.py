"""Who asks, and whether they may: settled at the door, before anything of a body is read.

There is no gate where nobody is asked who they are (``auth.mode: local``).
"""

from __future__ import annotations

from dataclasses import replace

from starlette.types import Scope

from serve_app.api.access import Access
from serve_app.api.declared import scope_path
from serve_app.api.who import CALLER
from serve_app.core.caller import Caller
from serve_app.core.desks import IdentityDesk
from serve_app.core.errors import Forbidden, NotSignedIn, Unavailable

ANONYMOUS = Caller("anonymous", "user", use_cases=frozenset())
"""May do nothing but what is public."""

SIGN_IN = "show a token of POST /api/v1/auth/login as `Authorization: Bearer …`, or a key as `X-API-Key`"


class Gate:
    def __init__(self, access: Access, identity: IdentityDesk) -> None:
        self._access, self._identity = access, identity

    async def __call__(self, scope: Scope) -> None:
        """From here on the request is somebody's. Raises NotSignedIn and its kind, Forbidden."""
        address = CALLER.get().address
        CALLER.set(replace(ANONYMOUS, address=address))
        method, path, shown = scope["method"], scope_path(scope), credential(scope)
        rule = self._access.rule(method, path)
        if rule is not None and rule.least == "public":
            await self._perhaps(shown, address)
            return
        if shown is None:
            raise NotSignedIn(SIGN_IN)
        caller = await self._identity.caller(shown, address)
        CALLER.set(caller)
        if rule is None:
            raise Forbidden("there is no such route, or nothing says who may ask it")
        if rule.least != "public" and not caller.may(rule.least):
            raise Forbidden(f"this takes the role {rule.least}; yours is {caller.role}")
        if rule.use_case is not None and not caller.may_use(rule.use_case):
            raise Forbidden("the key is not good for this use case")

    async def _perhaps(self, shown: str | None, address: str) -> None:
        """Whoever asks what is public need not be anybody, and may: an admin is told more."""
        if shown is None:
            return
        try:
            CALLER.set(await self._identity.caller(shown, address))
        except (NotSignedIn, Unavailable):
            return


def credential(scope: Scope) -> str | None:
    """The token or key that is shown; None where none is, or something else."""
    key = None
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip().decode("latin-1") or None
        if name == b"x-api-key":
            key = value.strip().decode("latin-1")
    return key or None
