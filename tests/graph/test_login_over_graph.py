"""A login on the whole graph: real stores, a real secret, and who asked in the event log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.adapters.config_files import load_use_case
from serve_app.core.json_schema import example
from tests.fakes.local_graph import LocalGraph, local_graph
from tests.fakes.small_models import write_use_case

PASSWORD = "long enough for her"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGraph]:
    folder = tmp_path_factory.mktemp("login")
    write_use_case(folder / "configs", "stones")
    (folder / "configs" / "platform.yaml").write_text("auth: {mode: jwt}\n", encoding="utf-8")
    given = {"ADMIN_USERNAME": "ani", "ADMIN_PASSWORD": PASSWORD}
    os.environ.update(given)
    try:
        with local_graph(folder / "configs", folder / "state", {"REGISTRY__POLL_S": "60"}) as started:
            yield started
    finally:
        for name in given:
            os.environ.pop(name, None)


def test_who_logs_in_asks_and_is_written_down(graph: LocalGraph) -> None:
    row = example(load_use_case(graph.configs / "use_cases" / "stones").fields)
    assert graph.http("POST", "/api/v1/predict/stones", json=row).status_code == 401
    login = graph.http("POST", "/api/v1/auth/login", data={"username": "ani", "password": PASSWORD})
    assert login.status_code == 200, login.text
    bearer = {"authorization": f"Bearer {login.json()['access_token']}"}
    asked = graph.http("POST", "/api/v1/predict/stones", json=row, headers=bearer)
    assert asked.status_code == 200, asked.text
    assert graph.log.get(asked.json()["id"]).user == "ani"
    told = graph.http("GET", "/api/v1/ops/audit", headers=bearer).json()["entries"]
    assert [(each["by"], each["action"]) for each in told] == [
        ("ani", "login"), ("operator", "user_created"), ("operator", "config"),
    ]  # fmt: skip


def test_which_mode_holds_is_said(graph: LocalGraph) -> None:
    parts = {part["name"]: part for part in graph.http("GET", "/readyz").json()["parts"]}
    assert parts["auth"] == {
        "name": "auth", "state": "ready", "detail": "jwt: a token or an API key is asked for", "real": True
    }  # fmt: skip
    assert parts["store"]["detail"] == ""
    assert Path(graph.state, "jwt.secret").stat().st_mode & 0o777 == 0o600
