"""The platform's settings as they travel between processes: by the path of their file.

The arguments of a deployment are kept by Serve's controller, and in Redis where Ray is made fault
tolerant. No key or password shall lie there, so that each process reads file and environment itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from serve_app.adapters.config_files import load_platform
from serve_app.core.platform import Platform


class PlatformFile(Platform):
    """A Platform that is pickled as where it was read from."""

    _file: Path = PrivateAttr()

    def __reduce__(self) -> tuple[Any, ...]:
        return read_platform, (self._file, self.state)


def read_platform(file: Path, state: str | None = None) -> PlatformFile:
    """``file`` under the environment of this process. ``state`` overrides; it is made absolute, since
    replicas may run in other folders. Raises BadConfig."""
    read = load_platform(file, os.environ)
    absolute = str(Path(state or read.state).resolve())
    made = PlatformFile.model_construct(**{**dict(read), "state": absolute})
    made._file = Path(file).resolve()
    return made
