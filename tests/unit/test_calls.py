"""Calls over a handle: a value, or one of our own refusals."""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from typing import Any

import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError, Metadata
from ray.exceptions import ActorDiedError, RayError, RayTaskError, TaskCancelledError, WorkerCrashedError
from ray.serve._private.common import DeploymentID
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from serve_app.core import errors
from serve_app.core.errors import FieldError, InvalidInput, Overloaded, Unavailable, UnderstudyError, UnknownUseCase
from serve_app.deployments.calls import PartDied, call, call_again, call_each

pytestmark = pytest.mark.anyio

TRACE = 'Traceback (most recent call last):\n  File "secret.py", line 1\nIt went wrong'

REFUSALS = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, UnderstudyError)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Raises:
    """A method of a handle whose call ends in ``error``."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def remote(self, *args: Any) -> Any:
        raise self._error


class Echo:
    async def remote(self, *args: Any) -> Any:
        return args


def over_there(cause: Exception) -> RayTaskError:
    """As Ray hands over what was raised in another process."""
    return RayTaskError("method", TRACE, cause, ip="127.0.0.1").as_instanceof_cause()


async def refused(error: BaseException) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any at all, that is what is looked at
        await call(Raises(error))
    return caught.value


async def test_a_value_comes_back_as_it_is() -> None:
    assert await call(Echo(), 1, "two") == (1, "two")


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda each: each.__name__)
async def test_our_refusals_come_back_as_themselves(kind: type[UnderstudyError]) -> None:
    error = await refused(over_there(kind("no use case `x`")))
    assert type(error) is kind
    assert str(error) == "no use case `x`"
    assert not isinstance(error, RayError)
    shown = "".join(traceback.format_exception(error))
    assert "secret.py" not in shown


async def test_what_a_refusal_carries_comes_along() -> None:
    field = FieldError("label", "'x'", "one of a, b", 3)
    error = await refused(over_there(InvalidInput("no", [field])))
    assert isinstance(error, InvalidInput)
    assert error.fields == (field,)
    away = await refused(over_there(Unavailable("no", 7)))
    assert isinstance(away, Unavailable)
    assert away.retry_after_s == 7


async def test_a_refusal_of_this_process_is_left_alone() -> None:
    own = UnknownUseCase("no use case `x`")
    assert await refused(own) is own


@pytest.mark.parametrize("cause", [ValueError("the password is 123"), KeyError("x"), ZeroDivisionError()], ids=repr)
async def test_a_bug_over_there_is_told_by_its_kind_alone(cause: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "understudy.calls"):
        error = await refused(over_there(cause))
    assert type(error) is RuntimeError
    assert str(error) == f"{type(cause).__name__} in a remote call"
    assert "secret.py" not in "".join(traceback.format_exception(error))
    assert "It went wrong" in caplog.text, "the log has all of it"


@pytest.mark.parametrize(
    ("died", "kind"),
    [(ActorDiedError(), PartDied), (WorkerCrashedError(), Unavailable), (TaskCancelledError(), Unavailable)],
    ids=repr,
)
async def test_a_part_that_died_is_away_for_now(died: RayError, kind: type[Unavailable]) -> None:
    error = await refused(died)
    assert type(error) is kind
    assert isinstance(error, Unavailable)
    assert error.retry_after_s == 2
    assert error.__suppress_context__


class Falters:
    """Ends in ``errors`` one by one, and answers afterwards."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.asked = 0

    async def remote(self, *args: Any) -> Any:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return args


async def test_what_may_be_done_twice_is_asked_again_when_the_replica_died() -> None:
    method = Falters(ActorDiedError())
    assert await call_again(method, 1) == (1,)
    assert method.asked == 2


async def test_it_is_asked_again_once() -> None:
    method = Falters(ActorDiedError(), ActorDiedError())
    with pytest.raises(PartDied):
        await call_again(method)
    assert method.asked == 2


@pytest.mark.parametrize(
    "error", [over_there(UnknownUseCase("x")), BackPressureError(5, 4), over_there(ValueError())], ids=repr
)
async def test_nothing_else_is_asked_again(error: Exception) -> None:
    method = Falters(error)
    with pytest.raises((UnknownUseCase, Overloaded, RuntimeError)):
        await call_again(method)
    assert method.asked == 1


async def test_a_full_queue_is_too_much_asked() -> None:
    assert type(await refused(BackPressureError(5, 4))) is Overloaded


async def test_a_part_that_could_not_be_deployed_is_away() -> None:
    error = await refused(DeploymentUnavailableError(DeploymentID("Model", "understudy")))
    assert type(error) is Unavailable
    assert "Model" not in str(error)


def cut_off(status: StatusCode) -> AioRpcError:
    """As Serve hands on what gRPC raised between two replicas."""
    return AioRpcError(status, Metadata(), Metadata(), details="ipv4:10.0.0.9:4711 secret.py")


@pytest.mark.parametrize(
    ("error", "kind", "retry_after_s"),
    [
        (cut_off(StatusCode.UNAVAILABLE), PartDied, 2),
        (cut_off(StatusCode.CANCELLED), PartDied, 2),
        (cut_off(StatusCode.INTERNAL), PartDied, 2),
        (cut_off(StatusCode.UNKNOWN), PartDied, 2),
        (cut_off(StatusCode.RESOURCE_EXHAUSTED), Unavailable, 5),
        (RuntimeError("Unexpected error (StatusCode.UNKNOWN): secret.py."), PartDied, 2),
    ],
    ids=lambda each: str(each)[:60],
)
async def test_a_call_that_grpc_cut_is_a_part_that_is_away(
    error: Exception, kind: type[Unavailable], retry_after_s: int
) -> None:
    came = await refused(error)
    assert type(came) is kind
    assert isinstance(came, Unavailable)
    assert came.retry_after_s == retry_after_s
    assert "secret" not in "".join(traceback.format_exception(came))


async def test_another_runtime_error_is_what_it_is() -> None:
    own = RuntimeError("a bug")
    assert await refused(own) is own


async def test_what_may_be_done_twice_is_asked_again_when_grpc_was_cut() -> None:
    method = Falters(cut_off(StatusCode.UNKNOWN))
    assert await call_again(method, 1) == (1,)
    too_large = Falters(cut_off(StatusCode.RESOURCE_EXHAUSTED))
    with pytest.raises(Unavailable):
        await call_again(too_large)
    assert too_large.asked == 1, "it would be as large again"


class Everybody:
    """A handle whose every replica answers one of ``answers``."""

    def __init__(self, *answers: Any) -> None:
        self._answers = answers

    def broadcast(self, method: str, *args: Any) -> Everybody:
        return self

    async def results_async(self, **_: Any) -> list[Any]:
        return list(self._answers)


async def test_of_many_one_may_be_away() -> None:
    came = await call_each(Everybody(1, cut_off(StatusCode.UNKNOWN), ActorDiedError()), "m", patience_s=1)
    assert [type(each) for each in came] == [int, PartDied, PartDied]


async def test_who_is_cancelled_ends_what_is_done_for_him_over_there() -> None:
    class Response:
        ended = 0

        def __await__(self) -> Any:
            return asyncio.sleep(30).__await__()

        def cancel(self) -> None:
            self.ended += 1

    class Method:
        response = Response()

        def remote(self) -> Response:
            return self.response

    task = asyncio.create_task(call(Method()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert Method.response.ended == 1
