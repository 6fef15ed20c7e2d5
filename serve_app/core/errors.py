"""Refusals: what Understudy will not do, each with a stable code.

    UnderstudyError
    ├── InvalidInput         invalid_input        every offending field, with what was expected
    ├── UnsupportedMedia     unsupported_media    the content type cannot be read
    ├── TooLarge             too_large            the body is over the limit
    ├── NotFound             not_found
    │   ├── UnknownUseCase   unknown_use_case
    │   ├── UnknownPrediction unknown_prediction
    │   ├── UnknownKey       unknown_key          a row the feature table has never heard of
    │   ├── UnknownUser      unknown_user
    │   ├── UnknownApiKey    unknown_api_key
    │   └── UnknownJob       unknown_job
    ├── Conflict             conflict
    │   ├── JobRunning       job_running          one retrain of a use case at a time; names the one under way
    │   ├── PromotionRefused promotion_refused    the gate, or a replica that cannot serve the version
    │   ├── TooLate          too_late             a job that has ended, or can no longer be stopped
    │   ├── LeasedElsewhere  leased               a row of the review queue that is in somebody else's hands
    │   ├── NameTaken        name_taken           a user of that name
    │   ├── LastAdmin        last_admin           nobody could let anybody in any more
    │   ├── NoSession        no_session           a key never logs in, and so cannot log out
    │   └── NotReplayable    not_replayable       a decision that cannot be made again
    │       ├── ModelNotRegistered model_not_registered
    │       ├── PolicyNotKept policy_not_kept
    │       └── SchemaChanged schema_changed
    ├── NotSignedIn          not_signed_in        nobody says who asks
    │   ├── BadToken         bad_token            not one of ours, of the wrong kind, or withdrawn
    │   ├── TokenExpired     token_expired
    │   ├── UserDisabled     user_disabled
    │   └── LoginRefused     login_refused        name or password, whichever
    ├── Forbidden            forbidden            known, and not allowed
    ├── Misdirected          misdirected          asked by a name that is not this machine's
    ├── LoginLocked          login_locked         too many tries; says when again
    ├── OtherBody            idempotency_mismatch the same Idempotency-Key with another body
    ├── TooOften             rate_limited         more than the caller's zone allows
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


class UnknownJob(NotFound):
    """No job with that id was ever accepted."""

    code = "unknown_job"


class UnknownUser(NotFound):
    """There is no user of that name."""

    code = "unknown_user"


class UnknownApiKey(NotFound):
    """There is no API key with that id."""

    code = "unknown_api_key"


class Conflict(UnderstudyError):
    """The request contradicts what is already so."""

    code = "conflict"


class JobRunning(Conflict):
    """A job of this kind is under way for the use case already."""

    code = "job_running"

    def __init__(self, detail: str, job_id: str = "") -> None:
        super().__init__(detail, job_id)
        self.job_id = job_id


class PromotionRefused(Conflict):
    """The version was not promoted, and nothing has changed anywhere."""

    code = "promotion_refused"


class TooLate(Conflict):
    """What was asked for can no longer be done."""

    code = "too_late"


class LeasedElsewhere(Conflict):
    """The row is in somebody else's hands."""

    code = "leased"


class NameTaken(Conflict):
    """A user of that name is there already."""

    code = "name_taken"


class LastAdmin(Conflict):
    """The last admin who may log in stays one."""

    code = "last_admin"


class NoSession(Conflict):
    """A key never logs in, and so cannot log out."""

    code = "no_session"


class NotReplayable(Conflict):
    """The decision cannot be made again."""

    code = "not_replayable"


class ModelNotRegistered(NotReplayable):
    """The model that answered is no longer registered."""

    code = "model_not_registered"


class PolicyNotKept(NotReplayable):
    """What stood behind the policy version was not kept, or can no longer be read."""

    code = "policy_not_kept"


class SchemaChanged(NotReplayable):
    """The use case's schema is another now, and the model that answered cannot be loaded beside it."""

    code = "schema_changed"


class NotSignedIn(UnderstudyError):
    """Nobody says who asks."""

    code = "not_signed_in"


class BadToken(NotSignedIn):
    """The token or key is none of ours, of the wrong kind, or withdrawn."""

    code = "bad_token"


class TokenExpired(NotSignedIn):
    """The token has expired; the refresh token gives another."""

    code = "token_expired"


class UserDisabled(NotSignedIn):
    """The user may not log in any more."""

    code = "user_disabled"


class LoginRefused(NotSignedIn):
    """The name or the password is wrong."""

    code = "login_refused"


class Forbidden(UnderstudyError):
    """Whoever asks may not do this."""

    code = "forbidden"


class Misdirected(UnderstudyError):
    """The request names another host than this one."""

    code = "misdirected"


class LoginLocked(UnderstudyError):
    """Too many logins failed; try again later."""

    code = "login_locked"

    def __init__(self, detail: str, retry_after_s: int = 1) -> None:
        super().__init__(detail, retry_after_s)
        self.retry_after_s = retry_after_s


class OtherBody(UnderstudyError):
    """An Idempotency-Key was used before, with another request."""

    code = "idempotency_mismatch"


class TooOften(UnderstudyError):
    """The caller asks more often than is allowed."""

    code = "rate_limited"

    def __init__(self, detail: str, retry_after_s: int = 1) -> None:
        super().__init__(detail, retry_after_s)
        self.retry_after_s = retry_after_s


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
