"""The door every request comes through: its id, its deadline, and an answer whatever happens."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.api.address import address_of
from serve_app.api.errors import problem_of, response
from serve_app.api.gate import Gate
from serve_app.api.headers import RawHeaders, security
from serve_app.api.limits import Limiter
from serve_app.api.patience import allowed_s
from serve_app.api.request_log import RequestLog
from serve_app.api.who import CALLER
from serve_app.core.caller import Caller
from serve_app.core.errors import Misdirected, NotSignedIn, Overloaded
from serve_app.core.ids import CHANCE, ulids
from serve_app.core.origins import NOBODY, Trusted, is_own_name

log = logging.getLogger("understudy.api")

HEADER = "X-Request-ID"

WATCH_S = 0.25

FOREIGN_NAME = "without a login this machine is asked by its address or as localhost; for a name set auth.mode: jwt"

ALWAYS = ("/livez", "/readyz", "/v2/health")
"""Answered however many are inside: an overloaded process is not a dead one."""


@dataclass(slots=True)
class Rules:
    """Of all doors of one application. ``timeout_s`` bounds a request from its first byte to its answer;
    ``most``: requests in this process at once, and one more is refused with a time to come back; ``inside``:
    how many there are. ``labels`` is unset behind a server that puts the id into the answer itself. ``gate``: who
    may come in; None: everybody. ``trusted``: proxies that are believed; ``limiter``: None where no caller is
    limited; ``log``: None where no request is logged. ``own_names``: nobody is asked who he is, so that a web page
    must not get in by a name of its own."""

    timeout_s: float
    most: int
    labels: bool
    gate: Gate | None = None
    trusted: Trusted = NOBODY
    limiter: Limiter | None = None
    log: RequestLog | None = None
    own_names: bool = False
    inside: int = 0


class Door:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rules, given = self._rules, dict(scope["headers"])
        client = Client(receive, has_no_body(scope, given))
        visit = Visit(scope, send, rules, client, given)
        rules.inside += 1
        try:
            if rules.inside > rules.most and not scope["path"].startswith(ALWAYS):
                raise Overloaded("more requests are under way than can be answered")
            if rules.own_names:
                check_name(given)
            async with asyncio.timeout(visit.timeout_s):
                if rules.gate is not None:
                    await visit.pass_gate(rules.gate)
                await visit.pass_limits()
                await self._app(scope, client.receive, visit.send)
        except (ClientDisconnect, asyncio.CancelledError) as gone:
            if isinstance(gone, asyncio.CancelledError) and not client.has_left():
                raise
            log.info("the client left: request_id=%s path=%r", visit.request_id, scope["path"])
        except Exception as exc:
            if visit.answered:
                raise
            await visit.refuse(exc, receive)
        finally:
            client.let_go()
            rules.inside -= 1
            if rules.log is not None:
                rules.log.note(scope, visit.status, visit.seconds())


class Client:
    """Whoever waits for the answer. Who leaves ends what is done for it; that is looked for only when an answer takes
    long, since nearly all have left before, and by us, since HAProxy is told to have Serve not do so.

    ``bodiless``: the body, which is empty, is whole from the start; the application gets it from here when it asks."""

    def __init__(self, receive: Receive, bodiless: bool) -> None:
        self._receive, self._whole, self._owed = receive, bodiless, bodiless
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(WATCH_S, self._watch)
        self._watching: asyncio.Task[None] | None = None
        self._left = False

    async def receive(self) -> Message:
        if self._owed:
            self._owed = False
            return {"type": "http.request", "body": b"", "more_body": False}
        message = await self._receive()
        self._whole = not message.get("more_body", False)
        return message

    def has_left(self) -> bool:
        """And it was for this that the request was cancelled, which ends here."""
        if self._left and self._task is not None:
            self._task.uncancel()
        return self._left

    def let_go(self) -> None:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def _watch(self) -> None:
        """Not before the body is whole: till then the next message is not ours to take."""
        if self._whole:
            self._watching = asyncio.create_task(self._until_gone())
        else:
            self._timer = asyncio.get_running_loop().call_later(WATCH_S, self._watch)

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left = True
        if self._task is not None:
            self._task.cancel()


class Visit:
    """One request on its way through the door."""

    def __init__(self, scope: Scope, send: Send, rules: Rules, client: Client, given: Mapping[bytes, bytes]) -> None:
        self._client, self._rules = client, rules
        self.request_id = request_id_of(Headers(scope=scope))
        self.timeout_s = allowed_s(given, rules.timeout_s)
        self.answered, self.status = False, 0
        self._scope = scope
        self._send = send
        self._labels = rules.labels
        self._limits: RawHeaders = []
        state = scope.setdefault("state", {})
        state["request_id"] = self.request_id
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        state["until"] = self._began + self.timeout_s
        CALLER.set(Caller(address=address_of(scope, rules.trusted)))

    def seconds(self) -> float:
        return self._loop.time() - self._began

    async def pass_gate(self, gate: Gate) -> None:
        """Who is not let in is counted too, by his address. Raises like the gate, and TooOften."""
        try:
            await gate(self._scope)
        except NotSignedIn:
            await self.pass_limits()
            raise

    async def pass_limits(self) -> None:
        """Once it is known who asks. Raises TooOften."""
        if self._rules.limiter is not None:
            admission = await self._rules.limiter.admit(self._scope, CALLER.get())
            self._limits = admission.headers
            if admission.refusal is not None:
                raise admission.refusal

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.answered, self.status = True, message["status"]
            given = message.get("headers", [])
            message["headers"] = [*given, *security(self._scope["path"], given), *self._limits]
        if self._labels and message["type"] == "http.response.start":
            MutableHeaders(scope=message)[HEADER] = self.request_id
        if not message.get("more_body", False) and message["type"] == "http.response.body":
            self._client.let_go()  # from here on servers say of everybody that he has left
        await self._send(message)

    async def refuse(self, exc: Exception, receive: Receive) -> None:
        problem, path = problem_of(exc), self._scope["path"]
        if problem.status >= 500:
            trace = exc if problem.code == "internal" else None
            log.error("%s: request_id=%s path=%r", problem.code, self.request_id, path, exc_info=trace)
        await response(problem, self.request_id, path)(self._scope, receive, self.send)


def has_no_body(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """HTTP/1.1 announces a body by one of two headers (RFC 9112, 6.3); HTTP/2 need not."""
    if scope.get("http_version", "1.1")[0] != "1":
        return False
    return b"transfer-encoding" not in headers and headers.get(b"content-length", b"0") == b"0"


def check_name(headers: Mapping[bytes, bytes]) -> None:
    """Raises Misdirected."""
    if not is_own_name(headers.get(b"host", b"").decode("latin-1")):
        raise Misdirected(FOREIGN_NAME)


def request_id_of(headers: Headers) -> str:
    """The client's own id when it is sane (up to 128 printable ASCII characters), else a new one."""
    given = headers.get(HEADER, "").strip()
    if 0 < len(given) <= 128 and given.isascii() and given.isprintable():
        return given
    return ulids(time.time_ns() // 1_000_000, os.urandom(CHANCE))[0]
