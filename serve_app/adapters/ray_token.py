"""The token that Ray makes when it starts, shown to the Ray that runs."""

from __future__ import annotations

import logging

SETUP = "ray._private.authentication.authentication_token_setup"


def show_token() -> None:
    """From now on this process and its children show the token that lies on this machine, if one does.
    Ray does it by itself only where it looks for an address by itself."""
    logging.getLogger(SETUP).setLevel(logging.ERROR)  # it would lecture the user on tokens
    from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available

    maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
