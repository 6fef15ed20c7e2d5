"""What goes with a student's answers besides them: its certificate, and who is right where it and the
teacher disagree. Both lie in the student's bundle, so that they belong to one version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from serve_app.core import arbitration, certificate
from serve_app.core.arbitration import Arbiter
from serve_app.core.certificate import Certificate
from serve_app.core.errors import BadBundle


@dataclass(frozen=True, slots=True)
class Grounds:
    """Goes with every batch of answers, and is the same for all of a version: travels as the files it came from,
    and is read from them once in each process."""

    certificate: Certificate | None = None
    arbiter: Arbiter | None = None
    _files: tuple[bytes | None, bytes | None] | None = field(default=None, init=False, compare=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._files is None:
            files = (self.certificate and self.certificate.as_json(), self.arbiter and self.arbiter.as_json())
            object.__setattr__(self, "_files", files)
        return _read, self._files


@lru_cache(maxsize=32)
def _read(certified: bytes | None, arbiter: bytes | None) -> Grounds:
    certificate = None if certified is None else Certificate.from_json(certified)
    return Grounds(certificate, None if arbiter is None else Arbiter.from_json(arbiter))


def grounds_of(bundle: Mapping[str, bytes]) -> Grounds | None:
    """None for a bundle that says nothing of either. Raises BadBundle."""
    try:
        certified = Certificate.from_json(bundle[certificate.FILE]) if certificate.FILE in bundle else None
        arbiter = Arbiter.from_json(bundle[arbitration.FILE]) if arbitration.FILE in bundle else None
    except (ValueError, KeyError, TypeError) as error:
        raise BadBundle(f"its certificate or arbitration cannot be read: {error}") from None
    return None if certified is None and arbiter is None else Grounds(certified, arbiter)
