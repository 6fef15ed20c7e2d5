"""Calls over a handle: a value, or one of our own refusals."""

from __future__ import annotations

import inspect
import logging
import traceback
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, RayError, RayTaskError, TaskCancelledError, WorkerCrashedError
from ray.serve._private.common import DeploymentID
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from serve_app.core import errors
from serve_app.core.errors import FieldError, InvalidInput, Overloaded, Unavailable, UnderstudyError, UnknownUseCase
from serve_app.deployments.calls import PartDied, call, call_again

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
