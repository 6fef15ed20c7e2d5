"""What a worker does before it imports Serve, each in a process of its own: an import happens once."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from serve_app.adapters.config_files import load_use_case
from serve_app.api.errors import problem_of
from serve_app.core.errors import Unavailable
from serve_app.start.haproxy import (
    DEFAULTS,
    ERRORS,
    FIGURES,
    FRONTEND,
    NO_ROUTE,
    PROBLEM,
    RETRY_AFTER_S,
    REUSE,
    ROOM,
    SERVERS,
    launcher,
    ours,
    refusal_bytes,
)
from tests.fakes.small_models import trained, write_use_case


def python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_serve_comes_without_pandas_and_pandas_comes_when_it_is_wanted() -> None:
    program = """
import sys
from serve_app.start.worker import begin
begin()
from ray import serve
import ray.serve._private.replica
print("pandas" in sys.modules)
import pandas
print(pandas.DataFrame({"a": [1]})["a"].sum())
"""
    assert python(program).split() == ["False", "1"]


def test_mlflow_comes_without_pandas_and_keeps_what_is_registered(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    for name, content in trained(load_use_case(write_use_case(tmp_path, "stones"))).items():
        (tmp_path / "bundle" / name).write_bytes(content)
    program = f"""
import sys
from pathlib import Path
from serve_app.start.worker import begin
begin()
from serve_app.adapters.registries import open_registry
from serve_app.core.platform import Platform
folder = Path({str(tmp_path)!r})
bundle = {{each.name: each.read_bytes() for each in (folder / "bundle").iterdir()}}
registry = open_registry(Platform(state=str(folder / "state")))
registry.set_alias("stones", "champion", registry.register("stones", bundle, {{"accuracy": 0.5}}, {{}}).version)
found = registry.aliased("stones", "champion")
print("pandas" in sys.modules, found.metrics["accuracy"], dict(registry.fetch("stones", found.version)) == bundle)
"""
    assert python(program).splitlines()[-1] == "False 0.5 True"


def test_haproxy_shows_its_figures_to_nobody_else() -> None:
    program = """
from serve_app.start.worker import begin
begin()
from ray.serve._private import haproxy
print("\\n".join(line for line in haproxy.HAPROXY_CONFIG_TEMPLATE.splitlines() if line.strip().startswith("bind ")))
"""
    bound = [line.split()[1] for line in python(program).splitlines()]
    assert bound == ["unix@{{", '"${FRONT_LISTENER}"', "{{", "unix@{{"]


def test_haproxy_refuses_as_the_api_does() -> None:
    program = """
import os, tempfile
folder = tempfile.mkdtemp()
os.environ["RAY_SERVE_HAPROXY_CONFIG_FILE_LOC"] = folder + "/haproxy.cfg"
from serve_app.start.worker import begin
begin()
from ray.serve._private import haproxy
print(haproxy.HAPROXY_CONFIG_TEMPLATE)
print("file", open(folder + "/unavailable.http").read())
"""
    told = python(program)
    assert NO_ROUTE not in told
    assert told.count("/unavailable.http") == 3  # for 502, 503 and 504
    assert f"hdr Retry-After {RETRY_AFTER_S}" in told
    head, _, body = refusal_bytes().decode().partition("\r\n\r\n")
    assert f"Content-Length: {len(body)}" in head
    assert told.endswith(body)
    known = problem_of(Unavailable("away", RETRY_AFTER_S)).as_dict("r")
    assert {name: known[name] for name in ("type", "title", "status", "code")}.items() <= PROBLEM.items()


@pytest.mark.parametrize("missing", [*FIGURES, ROOM, FRONTEND, NO_ROUTE, ERRORS, REUSE, SERVERS, DEFAULTS])
def test_a_template_that_has_changed_is_refused(missing: str, tmp_path: Path) -> None:
    known = "\n".join([*FIGURES, ROOM, FRONTEND, NO_ROUTE, ERRORS, REUSE, SERVERS, DEFAULTS])
    changed = ours(known, tmp_path)
    assert "unix@" in changed
    assert "option forwardfor" in changed, "the ingress is told for whom HAProxy asks"
    assert "timeout http-request 30s" in changed
    assert "timeout queue 1s" in changed, "else nobody is refused"
    with pytest.raises(RuntimeError, match="RAY_SERVE_ENABLE_HA_PROXY=0"):
        ours(known.replace(missing, ""), tmp_path)


def test_what_is_set_already_stays_and_haproxys_folder_goes_away_with_its_process() -> None:
    program = """
import os
os.environ |= {"RAY_DEDUP_LOGS": "0", "RAY_SERVE_ENABLE_HA_PROXY": "1"}
from serve_app.start.environment import set_environment
set_environment()
print(os.environ["RAY_DEDUP_LOGS"])
folder = os.path.dirname(os.environ["RAY_SERVE_HAPROXY_SOCKET_PATH"])
print(oct(os.stat(folder).st_mode & 0o777), folder)
"""
    stayed, mode, folder = python(program).split()
    assert (stayed, mode) == ("0", "0o700")
    assert Path(folder).name.startswith("hap-")
    assert python(f"import os; print(os.path.exists({folder!r}))") == "False"


@pytest.mark.skipif(sys.platform != "linux", reason="HAProxy comes along on Linux only")
def test_haproxy_ends_with_whoever_started_it(tmp_path: Path) -> None:
    config = tmp_path / "h.cfg"
    times = "".join(f"  timeout {kind} 1s\n" for kind in ("client", "connect", "server"))
    config.write_text(f"defaults\n  mode http\n{times}frontend f\n  bind unix@{tmp_path}/s\n", encoding="utf-8")
    command = [str(launcher(str(tmp_path), sys.executable)), "-db", "-f", str(config)]
    program = f"""
import subprocess, sys, time
started = subprocess.Popen({command!r})
time.sleep(2)
print(started.pid, started.poll(), open(f"/proc/{{started.pid}}/cmdline").read().split(chr(0))[1], flush=True)
"""
    pid, ended, first = python(program).split()
    assert (ended, first) == ("None", "-db")
    end = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end, "HAProxy outlived it"
        time.sleep(0.05)
