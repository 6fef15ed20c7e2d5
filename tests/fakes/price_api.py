"""A price API on this machine: real HTTP, pages, a key, and troubles on demand.

    with price_api(rows, key="…") as api:
        api.troubles = [(429, {"Retry-After": "0"}), (500, {})]     answered first, one each
        api.address                                                 /prices?since=…&page=… or &cursor=…

``GET /prices`` answers ``{"data": {"rows": […]}, "links": {"next": "/prices?cursor=2"}, "meta": {"cursor": "2"}}``.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class PriceAPI:
    """``asked``: (parameters, key header) of every request, in order. ``next``: what ``links.next`` is
    instead of the true one; ``raw``: answered instead of everything; ``slow_s``: before each answer."""

    def __init__(self, rows: Sequence[Any], key: str | None, page_size: int) -> None:
        self.rows, self.key, self.page_size = list(rows), key, page_size
        self.troubles: list[tuple[int, dict[str, str]]] = []
        self.asked: list[tuple[dict[str, str], str | None]] = []
        self.next: str | None = None
        self.raw: bytes | None = None
        self.slow_s = 0.0
        self.address = ""

    def answer(self, params: dict[str, str]) -> dict[str, Any]:
        since = params.get("since", "")
        found = [row for row in self.rows if not isinstance(row, dict) or str(row.get("date") or since) >= since]
        page = int(params.get("cursor") or params.get("page") or "1")
        part = found[(page - 1) * self.page_size : page * self.page_size]
        more = page * self.page_size < len(found)
        kept = "".join(f"&{name}={value}" for name, value in params.items() if name not in ("cursor", "page"))
        following = self.next or (f"/prices?cursor={page + 1}{kept}" if more else None)
        return {
            "data": {"rows": part},
            "links": {"next": following},
            "meta": {"cursor": str(page + 1) if more else None},
        }


@contextmanager
def price_api(rows: Sequence[Any], key: str | None = None, page_size: int = 100) -> Iterator[PriceAPI]:
    api = PriceAPI(rows, key, page_size)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    api.address = f"http://127.0.0.1:{server.server_address[1]}/prices"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(api: PriceAPI) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            params = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
            given = self.headers.get("Authorization") or self.headers.get("X-Key")
            api.asked.append((params, given))
            time.sleep(api.slow_s)
            if api.troubles:
                status, headers = api.troubles.pop(0)
                self._send(status, b'{"error": "not now"}', headers)
            elif api.key is not None and given not in (api.key, f"Bearer {api.key}"):
                self._send(401, b'{"error": "bad key"}', {})
            else:
                self._send(200, json.dumps(api.answer(params)).encode() if api.raw is None else api.raw, {})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests print nothing."""

    return Handler
