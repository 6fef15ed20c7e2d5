"""Refusals and failures as RFC 9457 ``application/problem+json``. The only file that knows HTTP status.

``code`` is stable: clients may branch on it. A bug is answered as ``internal`` and tells nothing of
itself; its trace goes to the log, beside the request id that the client was given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serve_app.core import errors

MEDIA_TYPE = "application/problem+json"


class InvalidJson(errors.UnderstudyError):
    """The body is not JSON."""

    code = "invalid_json"


class InvalidArrow(errors.UnderstudyError):
    """The body is not an Arrow IPC stream."""

    code = "invalid_arrow"


class TooDeep(errors.UnderstudyError):
    """The body nests deeper than any instance does."""

    code = "too_deep"


class SlowBody(errors.UnderstudyError):
    """The body took too long to arrive."""

    code = "slow_body"


class TimedOut(errors.Unavailable):
    """The answer took longer than a request may."""

    code = "timeout"


STATUS: dict[type[errors.UnderstudyError], int] = {
    InvalidJson: 400,
    InvalidArrow: 400,
    TooDeep: 400,
    errors.NotSignedIn: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.UnknownUseCase: 404,
    errors.UnknownPrediction: 404,
    errors.UnknownKey: 404,
    SlowBody: 408,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.UnsupportedMedia: 415,
    errors.Misdirected: 421,
    errors.InvalidInput: 422,
    errors.OtherBody: 422,
    errors.LoginLocked: 429,
    errors.TooOften: 429,
    errors.Unavailable: 503,
    errors.StoreUnavailable: 503,
    errors.RegistryUnavailable: 503,
    errors.Overloaded: 503,
    TimedOut: 503,
}
"""A class that is not here takes the status of its nearest base; one without any is a bug's 500."""

OVERLOADED = {"BackPressureError", "PendingCallsLimitExceeded"}
AWAY = {"DeploymentUnavailableError", "ReplicaUnavailableError", "RayActorError", "RequestCancelledError"}
"""Ray's own errors, known by class name: the API does not import Ray."""


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    code: str
    title: str
    detail: str
    errors: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    job_id: str | None = None

    def as_dict(self, request_id: str) -> dict[str, Any]:
        part = {
            "type": f"urn:understudy:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": f"urn:understudy:request:{quote(request_id, safe='')}",
        }
        more = {"errors": self.errors, "job_id": self.job_id}
        return {**part, **{name: value for name, value in more.items() if value}}


def response(problem: Problem, request_id: str, path: str) -> Response:
    """The Open Inference Protocol wants its message under ``error``, so its paths get that as well."""
    content = problem.as_dict(request_id)
    if path.startswith("/v2"):
        content["error"] = problem.detail
    return Response(orjson.dumps(content), problem.status, problem.headers, media_type=MEDIA_TYPE)


def problem_of(exc: BaseException) -> Problem:
    exc = _original(exc)
    match exc:
        case errors.UnderstudyError():
            return _refusal(exc)
        case HTTPException():
            return _http(exc)
        case RequestValidationError():
            return Problem(422, "invalid_input", "The request does not fit the route", _summary(exc))
        case TimeoutError():
            return _refusal(TimedOut("the answer took too long; nothing is known of its outcome"))
    return _foreign(exc)


def _original(exc: BaseException) -> BaseException:
    """What was raised on the other side of a Ray hop, which wraps it and keeps it as ``cause``."""
    for _ in range(8):
        cause = getattr(exc, "cause", None)
        if not isinstance(cause, BaseException):
            break
        exc = cause
    return exc


def _refusal(exc: errors.UnderstudyError) -> Problem:
    status = next((STATUS[kind] for kind in type(exc).__mro__ if kind in STATUS), None)
    if status is None:
        return _internal()
    misfits = [e.as_dict() for e in exc.fields] if isinstance(exc, errors.InvalidInput) else []
    job_id = exc.job_id if isinstance(exc, errors.JobRunning) else None
    return Problem(status, exc.code, title(type(exc)), exc.detail, misfits, _headers(exc), job_id)


def _headers(exc: errors.UnderstudyError) -> dict[str, str]:
    match exc:
        case errors.Unavailable() | errors.LoginLocked() | errors.TooOften():
            return {"Retry-After": str(exc.retry_after_s)}
        case errors.BadToken() | errors.TokenExpired() | errors.UserDisabled():
            return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        case errors.NotSignedIn():
            return {"WWW-Authenticate": "Bearer"}
        case errors.JobRunning(job_id=job_id) if job_id:
            return {"Location": status_path("train", job_id)}  # the one kind that a use case has one of at a time
    return {}


def status_path(family: str, job_id: str) -> str:
    return f"/api/v1/{family}/status/{quote(job_id, safe='')}"


def title(kind: type[errors.UnderstudyError]) -> str:
    """The class's docstring up to its first full stop or semicolon, which is its message."""
    words = " ".join((kind.__doc__ or kind.code).split())
    return words.split(". ")[0].split(";")[0].rstrip(".")


def _http(exc: HTTPException) -> Problem:
    codes = {404: ("not_found", "There is no such thing"), 405: ("method_not_allowed", "The path has other methods")}
    code, words = codes.get(exc.status_code, (f"http_{exc.status_code}", str(exc.detail)))
    return Problem(exc.status_code, code, words, str(exc.detail), headers=dict(exc.headers or {}))


def _summary(exc: RequestValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors()[:20])


def _foreign(exc: BaseException) -> Problem:
    names = {kind.__name__ for kind in type(exc).__mro__}
    if names & OVERLOADED:
        return _refusal(errors.Overloaded("more is asked at once than the queues allow"))
    if names & AWAY:
        return _refusal(errors.Unavailable("a part of the application is away; it is being restarted"))
    return _internal()


def _internal() -> Problem:
    detail = "something went wrong here, not in the request; the log tells more under this request's id"
    return Problem(500, "internal", "A bug", detail)
