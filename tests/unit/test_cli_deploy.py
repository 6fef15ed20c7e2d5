"""``understudy deploy`` against a Serve that says what it is told to: what is refused, taken back, and gone back to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serve_app.adapters.kept_settings import recall, remember
from serve_app.commands.deploy import put_in_force
from serve_app.core.errors import BadConfig, Conflict, Unavailable

ROOT = Path(__file__).resolve().parents[2]
RAN = [{"name": "understudy", "import_path": "serve_app.app:build", "args": {"platform": "old"}}]


class Serve:
    """``ill``: what becomes of applications that it does not like."""

    def __init__(self, ill: Callable[[list[dict[str, Any]]], bool] = lambda _: False) -> None:
        self.ill, self.deployed, self.asked = ill, list(RAN), 0

    def get_serve_details(self) -> dict[str, Any]:
        bad = self.ill(self.deployed)
        status, message = ("DEPLOY_FAILED", "Traceback\nValueError: no") if bad else ("RUNNING", "")
        apps = {a["name"]: {"status": status, "message": message, "deployed_app_config": a} for a in self.deployed}
        return {"http_options": {"port": 8000, "host": None}, "proxy_location": "HeadOnly", "applications": apps}

    def deploy_applications(self, body: dict[str, Any]) -> None:
        self.deployed, self.asked = body["applications"], self.asked + 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shutil.copy(ROOT / "serve_config.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNDERSTUDY_STATE", str(tmp_path / "state"))
    return tmp_path


def run(serve: Serve, back: bool = False) -> None:
    put_in_force(Path("serve_config.yaml"), back, lambda state: serve, pause_s=0.001)


def test_what_the_files_say_is_in_force_and_kept(folder: Path) -> None:
    serve = Serve()
    run(serve)
    assert [each["name"] for each in serve.deployed] == ["understudy", "pipelines"]
    kept = {each["args"]["platform"] for each in serve.deployed}
    assert [Path(each).read_text() for each in kept] == [(folder / "configs/platform.yaml").read_text()]
    found = recall(folder / "state")
    assert found is not None
    assert (found.now, found.before) == (serve.deployed, RAN)


def test_a_use_case_that_was_added_meanwhile_stays(folder: Path) -> None:
    serve = Serve()
    serve.deployed.append({"name": "understudy-knots", "args": {"use_case": "knots"}})
    run(serve)
    assert [each["name"] for each in serve.deployed] == ["understudy", "pipelines", "understudy-knots"]


def test_what_does_not_get_well_is_taken_back(folder: Path) -> None:
    serve = Serve(lambda apps: apps != RAN)
    with pytest.raises(Unavailable, match="what was in force before is again: ValueError: no"):
        run(serve)
    assert serve.deployed == RAN
    assert recall(folder / "state") is None


def test_a_bad_edit_is_refused_before_anything_is_touched(folder: Path) -> None:
    serve = Serve()
    file = folder / "configs/platform.yaml"
    file.write_text(file.read_text().replace("poll_s", "pol_s"))
    with pytest.raises(BadConfig, match="did you mean `poll_s`"):
        run(serve)
    assert serve.asked == 0


def test_back_is_what_was_before_also_where_the_file_is_broken(folder: Path) -> None:
    serve = Serve()
    run(serve)
    (folder / "configs/platform.yaml").write_text("store: [")
    run(serve, back=True)
    assert next(each for each in serve.deployed if each["name"] == "understudy") == RAN[0]


def test_there_may_be_nothing_to_go_back_to(folder: Path) -> None:
    serve = Serve()
    remember(folder / "state", RAN, [])
    with pytest.raises(Conflict, match="nothing to go back to"):
        run(serve, back=True)


def test_nobody_may_run_here(folder: Path) -> None:
    def nobody(state: Path) -> Any:
        raise ConnectionError("refused")

    with pytest.raises(Conflict, match="no Understudy runs here"):
        put_in_force(Path("serve_config.yaml"), False, nobody)
