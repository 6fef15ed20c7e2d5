"""Our log lines beside Serve's: none is lost to its level or its buffer."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.deployments.logs import log_along


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def kept() -> Iterator[Kept]:
    """A replica whose log is at WARNING and buffers a thousand lines, as an ingress's does."""
    serve, root = logging.getLogger("ray.serve"), logging.getLogger()
    before = (serve.level, serve.propagate, list(root.handlers))
    kept = Kept()
    buffer = logging.handlers.MemoryHandler(1000, logging.ERROR, kept)
    serve.addHandler(buffer)
    serve.setLevel(logging.WARNING)
    serve.propagate = False
    log_along()
    yield kept
    serve.removeHandler(buffer)
    serve.setLevel(before[0])
    serve.propagate = before[1]
    root.handlers[:] = before[2]


def test_every_line_is_there_at_once(kept: Kept) -> None:
    logging.getLogger("understudy.api").info("the client left")
    assert kept.lines == ["the client left"]
    logging.getLogger("pipelines.train").warning("a training was lost")
    assert kept.lines == ["the client left", "a training was lost"]


def test_a_library_that_is_silent_stays_so_and_its_errors_are_told(kept: Kept) -> None:
    logging.getLogger("asyncio").info("chatter")
    logging.getLogger("asyncio").error("Task exception was never retrieved")
    assert kept.lines == ["Task exception was never retrieved"]


def test_twice_is_once_and_serve_s_own_lines_are_not_doubled(kept: Kept) -> None:
    log_along()
    logging.getLogger("ray.data").propagate = True
    logging.getLogger("ray.data").error("theirs")
    logging.getLogger("understudy").error("ours")
    assert kept.lines == ["ours"]


def test_a_log_that_cannot_be_written_is_no_trouble_of_who_logs(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A library that warns while an answer is read would seem to have failed, and so would the LLM behind it."""
    with (tmp_path / "log").open("w") as stream:
        closed = logging.StreamHandler(stream)
    serve = logging.getLogger("ray.serve")
    serve.handlers.insert(0, closed)
    try:
        logging.getLogger("google_genai.types").warning("there are non-text parts")
    finally:
        serve.removeHandler(closed)
    assert kept.lines == ["there are non-text parts"]
    assert "I/O operation on closed file" in capsys.readouterr().err
