"""Tables out of files, redacted as a request's rows are; apart from those, since what serves needs no pandas."""

from __future__ import annotations

import pandas as pd

from serve_app.core.frames import text_of
from serve_app.core.redact import redacted_column, redacted_fields
from serve_app.core.use_case import UseCase


def redacted_frame(use_case: UseCase, frame: pd.DataFrame) -> pd.DataFrame:
    """The same for a table: its text columns as ``str`` or None, redacted."""
    names = [name for name in redacted_fields(use_case) if name in frame]
    if not names:
        return frame
    cells = {name: redacted_column(use_case, name, text_of(frame[name])) for name in names}
    return frame.assign(**{name: pd.Series(each, dtype=object, index=frame.index) for name, each in cells.items()})
