"""purgatory's circuit breaker, as concurrent calls that may be cancelled need it.

Used as it comes, ``async with breaker`` lets every waiting call through when the circuit half-opens,
takes a cancelled call (a client that went away) for a failed or a good one, and raises one and the
same exception object each time, whose traceback then grows. So its state machine is driven here
call by call: one probe at a time, and a cancelled call counts for nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from purgatory.domain.model import Context

from serve_app.core.answers import Failure
from serve_app.core.platform import Breaker

State = Literal["closed", "open", "half-open"]

PROVIDER_AT_FAULT: frozenset[Failure] = frozenset(
    {"rate_limited", "timeout", "server_error", "connection_error", "off_schema", "empty"}
)
"""What is no answer costs as much as one: a model that gives nothing else is left alone for a while too."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that was let through; ``probe`` is the one that decides whether the circuit closes."""

    probe: bool


class Circuit:
    """Opens after ``breaker.failures`` in a row; lets one call through again after ``reset_s``.
    The clock is ``time.time``, which is purgatory's."""

    def __init__(self, name: str, breaker: Breaker) -> None:
        self._context = Context(name, breaker.failures, breaker.reset_s)
        self._probing = False

    @property
    def state(self) -> State:
        if self._context.state == "closed":
            return "closed"
        return "open" if self._shut() else "half-open"

    def admit(self) -> Ticket | None:
        """None while open. Every ticket must be settled, once."""
        if self._shut() or self._probing:
            return None
        self._context.handle_new_request()
        self._probing = self._context.state == "half-opened"
        return Ticket(self._probing)

    def settle(self, ticket: Ticket, well: bool | None) -> None:
        """``well``: whether the provider did its part; None when the call says nothing of it."""
        if ticket.probe:
            self._probing = False
        if well is not None and (ticket.probe or self._context.state == "closed"):
            self._count(well)
        self._context.messages.clear()

    def _count(self, well: bool) -> None:
        if well:
            self._context.handle_end_request()
        else:
            self._context.handle_exception(RuntimeError("the call failed"))

    def _shut(self) -> bool:
        opened_at = self._context.opened_at
        if self._context.state != "opened" or opened_at is None:
            return False
        return time.time() <= opened_at + self._context.ttl


def healthy(failure: Failure | None) -> bool | None:
    """What an outcome (None: an answer) says of the provider. A call cut short by our own deadline
    says nothing."""
    if failure == "deadline":
        return None
    return failure not in PROVIDER_AT_FAULT
