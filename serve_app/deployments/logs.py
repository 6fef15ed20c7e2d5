"""What this application logs in a replica goes to Serve's own log of that replica.

Serve sets up one logger, its own. Another's line would come to it through stderr, as INFO: lost where the
replica's level is higher, and an error would lie in the buffer that an error should empty.
"""

from __future__ import annotations

import logging

OURS = ("understudy", "serve_app", "pipelines")


class _Along(logging.Handler):
    """Gives each record to whatever handlers ``ray.serve`` has at that moment, past its level. One that cannot write
    (its stream closed, its disk full) is logging's own trouble: who logged a line hears nothing of it."""

    def emit(self, record: logging.LogRecord) -> None:
        theirs = [] if record.name.split(".")[0] == "ray" else logging.getLogger("ray.serve").handlers
        for handler in theirs:
            if handler in logging.getLogger().handlers:  # which has the record already
                continue
            try:
                handler.handle(record)
                handler.flush()  # the buffer waits for a thousand lines else, and those of a replica that ends are lost
            except Exception:
                self.handleError(record)


def log_along() -> None:
    """For this process, however often it is called. What others log is taken from WARNING on."""
    root = logging.getLogger()
    if not any(isinstance(each, _Along) for each in root.handlers):
        root.addHandler(_Along())
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
