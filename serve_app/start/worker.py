"""What every worker of our Ray does first, before it imports Serve."""

from __future__ import annotations

from serve_app.start.heap import keep_small
from serve_app.start.lean import without_pandas
from serve_app.start.loopback import listen_here


def begin() -> None:
    listen_here()
    without_pandas()
    keep_small()
