"""A connection to MLflow: made at the first call, quiet, and with errors that show no password."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import filelock

from serve_app.core.errors import RegistryUnavailable

_LOCK_S = 60.0
_SQLITE = "sqlite:///"
# MLflow reads these when it is imported or called, and has no other way to be told. It retries for
# four minutes by default, and reports what is done with it to its makers.
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


class MlflowConnection:
    """Making one imports MLflow and reaches nothing. Safe to share between threads."""

    def __init__(self, uri: str) -> None:
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        import mlflow.artifacts
        from mlflow.exceptions import MlflowException

        # What goes wrong reaches the caller as an exception; its logs would show addresses and SQL.
        for chatty in ("mlflow", "alembic"):
            logging.getLogger(chatty).setLevel(logging.CRITICAL)
        self.mlflow: Any = mlflow
        self.uri = uri
        self.is_server = uri.startswith(("http://", "https://"))
        self.is_shared = not uri.startswith(_SQLITE)
        self._error = MlflowException
        self._connecting = threading.Lock()
        self._client: Any = None

    @contextmanager
    def client(self) -> Iterator[Any]:
        """An MlflowClient. Whatever goes wrong inside becomes RegistryUnavailable, without the text of
        MLflow or a driver, which may quote the address with its password."""
        from requests import RequestException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield self._connected()
        except (self._error, SQLAlchemyError, RequestException, OSError, filelock.Timeout) as error:
            raise RegistryUnavailable(f"the registry at {shown(self.uri)} is away: {_cause(error)}") from None

    @contextmanager
    def writer(self) -> Iterator[Any]:
        """``client``, for one writer at a time."""
        with self.client() as client, self._write_lock():
            yield client

    def or_none(self, ask: Callable[..., Any], *what: str) -> Any:
        """None for what MLflow does not know; an unknown alias is an invalid parameter to it."""
        try:
            return ask(*what)
        except self._error as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def unless_there(self, make: Callable[..., Any], *what: Any) -> None:
        """Makes something, unless another process was quicker."""
        try:
            make(*what)
        except self._error as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _connected(self) -> Any:
        with self._connecting:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        make = self.mlflow.MlflowClient
        if self.is_server:
            return make(tracking_uri=self.uri, registry_uri=self.uri)
        # MLflow makes its tables on first use: two processes must not do so at once.
        with self._write_lock():
            _knock(self.uri)
            return make(tracking_uri=self.uri, registry_uri=self.uri)

    def _write_lock(self) -> AbstractContextManager[Any]:
        """One process at a time for an embedded SQLite; servers look after themselves."""
        if self.is_shared:
            return nullcontext()
        database = Path(self.uri.removeprefix(_SQLITE))
        database.parent.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(f"{database}.lock", timeout=_LOCK_S)


def shown(uri: str) -> str:
    """The address without user, password and parameters."""
    if uri.startswith(_SQLITE):
        return uri.partition("?")[0]
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _knock(uri: str) -> None:
    """MLflow tries a database that is away for minutes; one attempt says as much."""
    from sqlalchemy import create_engine, inspect

    wait: dict[str, Any] = {"connect_timeout": 5} if uri.startswith("postgresql") else {}
    engine = create_engine(uri, connect_args=wait)
    try:
        inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _cause(error: BaseException) -> str:
    """The kind of the first error in the chain."""
    while earlier := error.__cause__ or error.__context__:
        error = earlier
    code = getattr(error, "error_code", None)
    return f"{type(error).__name__} ({code})" if code else type(error).__name__
