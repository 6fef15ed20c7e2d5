"""What a token says, and whether that is good now. Its signature is somebody else's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from serve_app.core.caller import Role
from serve_app.core.errors import BadToken, TokenExpired, UserDisabled
from serve_app.core.identity import Standing

Kind = Literal["access", "refresh"]

LEEWAY_S = 5.0
"""By which the clocks of two machines may differ."""


@dataclass(frozen=True, slots=True)
class Claims:
    """``session``: the family that the token belongs to. Moments are seconds since 1970."""

    user: str
    role: Role
    kind: Kind
    id: str
    session: str
    issued_at: float
    expires_at: float

    def payload(self) -> dict[str, Any]:
        about = {"sub": self.user, "role": self.role, "type": self.kind, "jti": self.id, "sid": self.session}
        return {**about, "iat": self.issued_at, "exp": self.expires_at}


def claims_of(payload: Mapping[str, Any]) -> Claims:
    """Raises BadToken where anything is missing or of another kind."""
    texts = [payload.get(name) for name in ("sub", "role", "type", "jti", "sid")]
    moments = [payload.get(name) for name in ("iat", "exp")]
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in moments)
    if not all(isinstance(each, str) and each for each in texts) or not numbers:
        raise BadToken("the token says too little")
    user, role, kind, id, session = texts
    if role not in get_args(Role) or kind not in get_args(Kind):
        raise BadToken("the token says what none of ours does")
    return Claims(user, role, kind, id, session, float(moments[0]), float(moments[1]))  # type: ignore[arg-type]


def check(claims: Claims, kind: Kind, now: float) -> None:
    """Raises BadToken, TokenExpired."""
    if claims.kind != kind:
        raise BadToken(f"this is the {claims.kind} token; expected the {kind} token")
    if now >= claims.expires_at + LEEWAY_S:
        raise TokenExpired("the token has expired")
    if claims.issued_at > now + LEEWAY_S:
        raise BadToken("the token is from a time to come")


def check_standing(claims: Claims, standing: Standing | None) -> Role:
    """The role that the user has now. Raises BadToken, UserDisabled."""
    if standing is None:
        raise BadToken("there is no such user")
    if not standing.enabled:
        raise UserDisabled("the user may not log in any more")
    if claims.issued_at < standing.tokens_from.timestamp() or claims.session in standing.ended:
        raise BadToken("the token was withdrawn: log in again")
    return standing.role
