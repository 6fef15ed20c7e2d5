"""serve_config.yaml: what Serve refuses, and what it passes over in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from serve_app.adapters.serve_config_file import check_serve_config, import_misfit
from serve_app.core.errors import BadConfig
from serve_app.core.platform import Auth, Platform


class Args(BaseModel):
    configs: str = "configs"


GOOD = """\
http_options: {host: 127.0.0.1, port: 8000, request_timeout_s: 75}
applications:
  - name: one
    route_prefix: /
    import_path: here:build
    args: {configs: configs}
    deployments:
      - {name: Model, num_replicas: 2, autoscaling_config: null, ray_actor_options: {num_cpus: 0.1}}
  - {name: two, route_prefix: null, import_path: "inner.app:build"}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "configs").mkdir()
    (tmp_path / "inner").mkdir()
    (tmp_path / "here.py").write_text("raise SystemExit('never run')\ndef build(args): ...\n", encoding="utf-8")
    (tmp_path / "inner" / "app.py").write_text("from x import y as build, z\n", encoding="utf-8")
    return tmp_path


def check(home: Path, text: str, platform: Platform | None = None) -> list[str]:
    (home / "serve_config.yaml").write_text(text, encoding="utf-8")
    return check_serve_config(home / "serve_config.yaml", platform or Platform(), Args)


def test_a_good_file(home: Path) -> None:
    assert check(home, GOOD) == ["one", "two"]


def test_the_shipped_file_is_good_in_its_place(home: Path) -> None:
    (home / "serve_app").mkdir()
    (home / "pipelines").mkdir()
    for folder in ("serve_app", "pipelines"):
        (home / folder / "app.py").write_text("def build(args): ...\n", encoding="utf-8")
    assert check(home, Path("serve_config.yaml").read_text(encoding="utf-8")) == ["understudy", "pipelines"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("num_replicas", "num_replicaz", "yaml:8: applications[0].deployments[0].num_replicaz: unknown key"),
        ("num_replicas", "num_replicaz", "`num_replicaz`: did you mean `num_replicas`?"),
        ("num_cpus", "num_cpu", "ray_actor_options.num_cpu: unknown key `num_cpu`: did you mean `num_cpus`?"),
        ("config: null", "config: {min_replicaz: 1}", "unknown key `min_replicaz`: did you mean `min_replicas`?"),
        ("http_options", "http_option", "yaml:1: http_option: unknown key `http_option`: did you mean `http_options`?"),
        ("port: 8000", "port: many", "http_options.port: 'many'; expected a whole number"),
        ("port: 8000", "prot: 8000", "http_options.prot: unknown key `prot`: did you mean `port`?"),
        ("num_replicas: 2", "num_replicas: some", '`num_replicas` must be an int or "auto"'),
        ("name: two", "name: one", 'multiple configs for application "one"'),
        ("127.0.0.1", "0.0.0.0", "http_options.host: '0.0.0.0'; expected 127.0.0.1 while `auth.mode` is local"),
        ("host: 127.0.0.1, ", "", "http_options.host: '0.0.0.0'; expected 127.0.0.1"),
        ("request_timeout_s: 75", "request_timeout_s: 60", "60; expected more than limits.request_timeout_s, 60.0"),
        ("here:build", "here:biuld", "'here:biuld': here has no `biuld`: did you mean `build`?"),
        ("here:build", "there:build", "import_path: 'there:build': there is no module there"),
        ("{configs: configs}", "{config: configs}", "args.config: unknown key `config`: did you mean `configs`?"),
        ("{configs: configs}", "{configs: [1]}", "args.configs: a list of 1; expected text"),
        ("{configs: configs}", "{configs: cfg}", "args.configs: 'cfg': no such folder"),
        ("/\n", "/\n    route_prefix: /x\n", "the key `route_prefix` stands here twice"),
        ("applications:", "apps:", "applications: missing"),
    ],
)
def test_what_is_wrong_is_named(home: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    with pytest.raises(BadConfig) as caught:
        check(home, GOOD.replace(old, new, 1))
    assert expected in str(caught.value)


def test_with_a_login_any_address_is_fine(home: Path) -> None:
    assert check(home, GOOD.replace("127.0.0.1", "0.0.0.0"), Platform(auth=Auth(mode="jwt")))


def test_installed_modules_are_found_too(tmp_path: Path) -> None:
    assert import_misfit("serve_app.core.errors:BadConfig", tmp_path) is None
    assert import_misfit("serve_app.core.errors.BadConfig", tmp_path) is None
