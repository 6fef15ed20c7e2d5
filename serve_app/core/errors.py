"""Refusals: what Understudy will not do, each with a stable code.

    UnderstudyError
    ├── InvalidInput         invalid_input        every offending field, with what was expected
    ├── UnsupportedMedia     unsupported_media    the content type cannot be read
    ├── TooLarge             too_large            the body is over the limit
    ├── NotFound             not_found
    │   ├── UnknownUseCase   unknown_use_case
    │   ├── UnknownPrediction unknown_prediction
    │   └── UnknownKey       unknown_key          a row the feature table has never heard of
    ├── Conflict             conflict
    ├── Unavailable          unavailable          a part is away; try again later
    │   ├── StoreUnavailable store_unavailable
    │   ├── RegistryUnavailable registry_unavailable
    │   └── Overloaded       overloaded
    ├── BadConfig            bad_config           file, key, value and what was expected
    └── BadBundle            bad_bundle           a model artefact that must not be loaded

An expected outcome (a teacher that is down, a challenger that lost) is a value and not found here.
Every subclass hands all its arguments to ``super().__init__``: an exception that does not cannot be
rebuilt on the other side of a Ray hop and arrives as ``UnserializableException``.
HTTP status lives in ``serve_app/api/errors.py`` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One offending field. ``row`` is the index in a batch, None for a lone instance."""

    field: str
    problem: str
    expected: str
    row: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


class UnderstudyError(Exception):
    """Something Understudy refuses."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str, *more: Any) -> None:
        super().__init__(detail, *more)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class InvalidInput(UnderstudyError):
    """The request does not fit the schema of its use case; ``fields`` names every misfit."""

    code = "invalid_input"

    def __init__(self, detail: str, fields: Sequence[FieldError] = ()) -> None:
        super().__init__(detail, tuple(fields))
        self.fields = tuple(fields)


class UnsupportedMedia(UnderstudyError):
    """The body's content type is not one that this route reads."""

    code = "unsupported_media"


class TooLarge(UnderstudyError):
    """The body is larger than the configured limit."""

    code = "too_large"


class NotFound(UnderstudyError):
    """There is no such thing."""

    code = "not_found"


class UnknownUseCase(NotFound):
    """No use case of that name is configured."""

    code = "unknown_use_case"


class UnknownPrediction(NotFound):
    """No prediction with that id is in the log."""

    code = "unknown_prediction"


class UnknownKey(NotFound):
    """The feature table holds no row for that key."""

    code = "unknown_key"


class Conflict(UnderstudyError):
    """The request contradicts what is already so."""

    code = "conflict"


class Unavailable(UnderstudyError):
    """A part is away for now; the caller may try again."""

    code = "unavailable"

    def __init__(self, detail: str, retry_after_s: int = 1) -> None:
        super().__init__(detail, retry_after_s)
        self.retry_after_s = retry_after_s


class StoreUnavailable(Unavailable):
    """The event log cannot be written or read, so nothing is answered."""

    code = "store_unavailable"


class RegistryUnavailable(Unavailable):
    """The model registry cannot be reached."""

    code = "registry_unavailable"


class Overloaded(Unavailable):
    """More is asked than the queues allow."""

    code = "overloaded"


class BadConfig(UnderstudyError):
    """A configuration file cannot be used; the text names file, key, value and what was expected."""

    code = "bad_config"


class BadBundle(UnderstudyError):
    """A model artefact that must not be loaded: digest, format, features or golden rows differ."""

    code = "bad_bundle"
