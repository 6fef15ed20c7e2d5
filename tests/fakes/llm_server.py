"""A fake LLM endpoint on a real socket of 127.0.0.1, well-behaved or not, as the test says.

``with FakeGemini() as fake:`` gives a running server; ``fake.base_url`` is where it is. What it does
is ``fake.behaviour``, one word or a list of words used up call by call (the last one stays):

    good  rate_limited  server_error  bad_key  hang  reset  drip
    broken_json  not_json  off_schema  empty  refused  blocked  truncated
"""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Fields = dict[str, Any]
Label = Callable[[Fields], "str | float"]

NOTES = {429: "Too Many Requests", 500: "Internal Server Error", 200: "OK", 401: "Unauthorized", 400: "Bad Request"}


@dataclass(frozen=True)
class Call:
    """One request as it arrived. ``fields`` is the JSON that stood between the data tags."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    fields: Fields
    behaviour: str


class FakeLLM:
    """``label`` decides the answer from the row's fields (without it: the first class, or 1.0);
    ``latency_s`` is how long a good answer takes; ``retry_after`` goes with a 429."""

    def __init__(
        self,
        behaviour: str | Sequence[str] = "good",
        label: Label | None = None,
        latency_s: float = 0.0,
        retry_after: str | None = None,
        confidence: float = 0.9,
        tokens: tuple[int, int] = (100, 10),
    ) -> None:
        self.behaviour = behaviour
        self.label = label
        self.latency_s = latency_s
        self.retry_after = retry_after
        self.confidence = confidence
        self.tokens = tokens
        self.story = "Two sentences. From the facts."
        self.calls: list[Call] = []
        self.dropped = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    # What a kind of endpoint says: filled in by its subclass.

    def user_text(self, body: dict[str, Any]) -> str:
        raise NotImplementedError

    def schema(self, body: dict[str, Any]) -> dict[str, Any] | None:
        raise NotImplementedError

    def answer(self, text: str) -> dict[str, Any]:
        raise NotImplementedError

    def refusal(self) -> dict[str, Any]:
        raise NotImplementedError

    def blocked(self) -> tuple[int, dict[str, Any]]:
        """The question itself was refused, before any model saw it."""
        raise NotImplementedError

    def nothing(self) -> dict[str, Any]:
        raise NotImplementedError

    def error(self, status: int) -> dict[str, Any]:
        raise NotImplementedError

    bad_key_status = 401

    # Starting and stopping.

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    # Answering.

    def receive(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Call:
        with self._lock:
            call = Call(path, headers, body, _fields(self.user_text(body)), self._next())
            self.calls.append(call)
        return call

    def good_text(self, call: Call) -> str:
        schema = self.schema(call.body)
        if schema is None:
            return self.story
        classes = schema["properties"].get("label", {}).get("enum")
        said = self.label(call.fields) if self.label else (classes[0] if classes else 1.0)
        return json.dumps({"label": said, "confidence": self.confidence} if classes else {"value": said})

    def hang(self, connection: socket.socket) -> None:
        """Until the client goes away or the server stops."""
        watch = select.poll()  # and not select.select, which ends at the 1,024th descriptor of a process
        watch.register(connection, select.POLLIN)
        while not self._stopping.is_set():
            if watch.poll(10) and not _peek(connection):
                self.dropped += 1
                return

    def pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def _next(self) -> str:
        if isinstance(self.behaviour, str):
            return self.behaviour
        first, *rest = self.behaviour
        self.behaviour = rest or first
        return first


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up on us is what some tests are about."""


def _handler(fake: FakeLLM) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            call = fake.receive(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            getattr(self, f"_{call.behaviour}")(call)

        def _good(self, call: Call) -> None:
            fake.pause(fake.latency_s)
            self._send(200, fake.answer(fake.good_text(call)))

        def _rate_limited(self, call: Call) -> None:
            self._send(429, fake.error(429), {"Retry-After": fake.retry_after} if fake.retry_after else {})

        def _server_error(self, call: Call) -> None:
            self._send(500, fake.error(500))

        def _bad_key(self, call: Call) -> None:
            self._send(fake.bad_key_status, fake.error(fake.bad_key_status))

        def _hang(self, call: Call) -> None:
            fake.hang(self.connection)
            self.close_connection = True

        def _reset(self, call: Call) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

        def _drip(self, call: Call) -> None:
            """A byte every 20 ms: each read succeeds, the answer never comes."""
            content = json.dumps(fake.answer(fake.good_text(call))).encode()
            self._write(_head(200, len(content), {}))
            for byte in content:
                if fake.stopping:
                    break
                self._write(bytes([byte]))
                time.sleep(0.02)
            self.close_connection = True

        def _broken_json(self, call: Call) -> None:
            self._send(200, fake.answer(fake.good_text(call)[:-5]))

        def _not_json(self, call: Call) -> None:
            content = b"<html>proxy error</html>"
            self._write(_head(200, len(content), {}) + content)

        def _truncated(self, call: Call) -> None:
            content = json.dumps(fake.answer(fake.good_text(call))).encode()
            self._write(_head(200, len(content), {}) + content[: len(content) // 2])
            self.close_connection = True

        def _off_schema(self, call: Call) -> None:
            self._send(200, fake.answer(json.dumps({"label": "no such class", "confidence": 0.9})))

        def _empty(self, call: Call) -> None:
            self._send(200, fake.nothing())

        def _refused(self, call: Call) -> None:
            self._send(200, fake.refusal())

        def _blocked(self, call: Call) -> None:
            self._send(*fake.blocked())

        def _send(self, status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
            body = json.dumps(content).encode()
            self._write(_head(status, len(body), headers or {}) + body)

        def _write(self, raw: bytes) -> None:
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests print nothing."""

    return Handler


def _head(status: int, length: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {NOTES[status]}", "Content-Type: application/json", f"Content-Length: {length}"]
    return ("\r\n".join([*lines, *(f"{k}: {v}" for k, v in headers.items())]) + "\r\n\r\n").encode()


def _fields(text: str) -> Fields:
    return json.loads(text.split("<data>", 1)[1].rsplit("</data>", 1)[0])


def _peek(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return b""
