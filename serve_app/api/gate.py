"""Who asks, and whether they may: settled at the door, before anything of a body is read.

There is no gate where nobody is asked who they are (``auth.mode: local``).
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import Scope

from serve_app.api.access import Access
from serve_app.api.declared import scope_path
from serve_app.api.who import CALLER
from serve_app.core.caller import Caller, Role
from serve_app.core.desks import IdentityDesk
from serve_app.core.errors import Forbidden, NotSignedIn, Unavailable

NOTHING: frozenset[str] = frozenset()
"""The use cases of who is not known."""

SIGN_IN = "show a token of POST /api/v1/auth/login as `Authorization: Bearer …`, or a key as `X-API-Key`"


class Gate:
    def __init__(self, access: Access, identity: IdentityDesk) -> None:
        self._access, self._identity = access, identity

    async def __call__(self, scope: Scope) -> None:
        """From here on the request is somebody's. Raises NotSignedIn and its kind, Forbidden."""
        address = CALLER.get().address
        CALLER.set(Caller("anonymous", "user", address, NOTHING, known=False))
        path, shown = scope_path(scope), credential(scope)
        rule = self._access.rule(scope["method"], path)
        if rule is None:
            await self._refuse(path, shown, address)
        elif rule.least == "public":
            await self._perhaps(shown, address)
        else:
            caller = await self._caller(shown, address)
            _check(caller, rule.least, rule.use_case)
            CALLER.set(caller)

    async def _caller(self, shown: str | None, address: str) -> Caller:
        if shown is None:
            raise NotSignedIn(SIGN_IN)
        return await self._identity.caller(shown, address)

    async def _refuse(self, path: str, shown: str | None, address: str) -> None:
        """What nothing says of who may ask it. That a path has other methods hears who may know of the path."""
        others = self._access.others(path)
        if not any(rule.least == "public" for rule in others.values()):
            await self._caller(shown, address)
        if not others:
            raise Forbidden("there is no such route, or nothing says who may ask it")
        allowed = ", ".join(sorted(others))
        raise HTTPException(405, f"{path} takes {allowed}", {"Allow": allowed})

    async def _perhaps(self, shown: str | None, address: str) -> None:
        """Whoever asks what is public need not be anybody, and may: an admin is told more."""
        if shown is None:
            return
        try:
            CALLER.set(await self._identity.caller(shown, address))
        except (NotSignedIn, Unavailable):
            return


def _check(caller: Caller, least: Role, use_case: str | None) -> None:
    """Raises Forbidden."""
    if not caller.may(least):
        raise Forbidden(f"this takes the role {least}; yours is {caller.role}")
    if use_case is not None and not caller.may_use(use_case):
        raise Forbidden("the key is not good for this use case")


def credential(scope: Scope) -> str | None:
    """The token or key that is shown; None where none is, or something else."""
    key = None
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip().decode("latin-1") or None
        if name == b"x-api-key":
            key = value.strip().decode("latin-1")
    return key or None
