"""Tokens as JWT, by PyJWT: HS256 and nothing else, whatever a token's header says."""

from __future__ import annotations

import jwt

from serve_app.core.claims import Claims, claims_of
from serve_app.core.errors import BadToken

ALGORITHM = "HS256"
LONGEST = 2048
"""Characters; ours have about 350."""

OURS_TO_CHECK = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
"""Moments are looked at anew for every request, by ``core.claims``; the signature once."""


class JwtTokens:
    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def signed(self, claims: Claims) -> str:
        return jwt.encode(claims.payload(), self._secret, algorithm=ALGORITHM)

    def read(self, token: str) -> Claims:
        if len(token) > LONGEST:
            raise BadToken("the token is longer than any of ours")
        try:
            payload = jwt.decode(token, self._secret, algorithms=[ALGORITHM], options=OURS_TO_CHECK)
        except (jwt.InvalidTokenError, ValueError):
            raise BadToken("the token is none of ours") from None
        return claims_of(payload)
