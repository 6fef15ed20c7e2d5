"""The start command beside a running Understudy. That Ctrl-C ends every process it started and no
other is asserted where the shared one ends: in ``tests/conftest.py`` and ``tests/fakes/running.py``."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import psutil
import pytest

from serve_app.adapters import whereabouts
from tests.fakes.local_graph import until
from tests.fakes.running import Running, free_port, haproxy
from tests.fakes.seeded_secrets import files, found, seed, session_of

pytestmark = pytest.mark.cluster


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


@pytest.mark.parametrize("option", ["--port", "--dashboard-port"])
def test_a_busy_port_is_one_clear_line_and_nothing_is_started(understudy: Running, busy: int, option: str) -> None:
    other = "--dashboard-port" if option == "--port" else "--port"
    refused = understudy.command("serve", "--beside", option, str(busy), other, str(free_port()), timeout=60)
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert re.match(rf"✗ port {busy} of 127\.0\.0\.1 cannot be used \(.*\); choose another with {option}$", line)
    assert "Ray started" not in refused.stdout


def test_a_ray_that_runs_already_is_one_clear_line(understudy: Running) -> None:
    refused = understudy.command("serve", "--port", str(free_port()), "--dashboard-port", str(free_port()), timeout=60)
    assert refused.returncode == 1
    assert "a Ray already runs on this machine (process " in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_what_is_started_is_told(understudy: Running) -> None:
    printed = understudy.printed
    assert f"Understudy answers at {understudy.url}" in printed
    assert understudy.dashboard in printed
    assert printed.count("curl -s ") == 3
    assert re.search(r"fallback +teacher:it_tickets", printed)
    assert re.search(r"real +store", printed)


def test_the_state_folder_knows_where_it_runs(understudy: Running) -> None:
    found = whereabouts.read(understudy.state)
    assert found is not None
    assert (found.process, found.dashboard) == (understudy.process.pid, understudy.dashboard)


@pytest.mark.skipif(sys.platform != "linux", reason="only root may look into processes elsewhere")
def test_every_process_listens_on_this_machine_only(understudy: Running) -> None:
    """Ray's and Serve's ports run what is sent to them, so that none may be open to others."""
    open_to_others, dashboard = [], 0
    for process in understudy.all_processes():
        for each in _listening(process):
            dashboard += f":{each.laddr.port}" in understudy.dashboard
            if not _on_loopback(each.laddr.ip):
                open_to_others.append((" ".join(process.cmdline())[:60], each.laddr))
    assert dashboard == 1
    assert open_to_others == []


def test_rays_dashboard_shows_nothing_to_whoever_has_no_token(understudy: Running) -> None:
    path = "/api/serve/applications/"
    assert httpx.get(understudy.dashboard + path, headers=_shown(_token())).status_code == 200
    for headers in ({}, _shown("0" * 64)):
        assert httpx.get(understudy.dashboard + path, headers=headers).status_code in (401, 403)
        assert httpx.put(understudy.dashboard + path, json={}, headers=headers).status_code in (401, 403)


def test_nobody_runs_a_job_without_the_token(understudy: Running, tmp_path: Path) -> None:
    """Whatever port it is asked at: the agent of each node takes jobs as well."""
    job, refused = {"entrypoint": f"touch {tmp_path / 'ran'}"}, []
    for port in _all_ports(understudy):
        for path in ("/api/jobs/", "/api/job_agent/jobs/"):
            try:
                refused.append(httpx.post(f"http://127.0.0.1:{port}{path}", json=job, timeout=5).status_code)
            except httpx.HTTPError:
                continue  # it speaks gRPC
    assert refused.count(401) >= 2, "dashboard and agent"
    assert all(status >= 400 for status in refused)
    assert not (tmp_path / "ran").exists()


def test_no_grpc_of_rays_is_answered_without_the_token(understudy: Running) -> None:
    """GCS, raylet, workers, and what a Serve replica opens for its peers, which unpickles what it is sent."""
    found = whereabouts.read(understudy.state)
    assert found is not None
    with_token = [_grpc(found.ray, GRPC["GCS"], token) for token in (_token(), "0" * 64, None)]
    assert with_token == ["OK", "UNAUTHENTICATED", "UNAUTHENTICATED"]
    said = {
        name: [_grpc(f"127.0.0.1:{port}", method) for port in _all_ports(understudy)] for name, method in GRPC.items()
    }
    assert not [name for name, answers in said.items() if "OK" in answers]
    assert not [name for name, answers in said.items() if "UNAUTHENTICATED" not in answers]


def test_no_secret_of_the_environment_is_in_what_training_and_mlflow_wrote(understudy: Running) -> None:
    until(lambda: understudy.parts()["use_case:it_tickets"]["state"] == "ready", 120)
    written = list(files(understudy.state, session_of(understudy)))
    assert found(written, [seed("ADMIN_PASSWORD")]) == []
    assert {"mlflow.db", "events.db"} <= {Path(name).name for name, _ in written}
    assert any("artefacts" in name for name, _ in written)


INTERNAL = ("Cascade", "Registry", "Replays", "Teacher", "Decision", "Pipelines", "pipelines", "understudy/Registry")
DETAILS = (
    "import json, pathlib, sys; from serve_app.commands.activate import serving_client;"
    "print(json.dumps(serving_client(pathlib.Path(sys.argv[1])).get_serve_details(), default=str))"
)


def test_no_internal_deployment_has_an_address(understudy: Running) -> None:
    """Over HTTP there is the ingress alone, and Serve's gRPC proxy, which would reach any deployment, is off."""
    with understudy.client() as client:
        assert client.get("/-/routes").json() == {"/": "understudy"}
        for name in INTERNAL:
            refused = client.post(f"/{name}", json={})
            assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    details = json.loads(understudy.python("-c", DETAILS, str(understudy.state)).stdout)
    assert not (details["grpc_options"] or {}).get("grpc_servicer_functions")
    applications = details["applications"]
    assert {"understudy", "pipelines"} <= applications.keys()
    assert [name for name, app in applications.items() if app["route_prefix"] is not None] == ["understudy"]


@pytest.mark.skipif(not haproxy(), reason="HAProxy is not there, or not wanted")
def test_haproxy_stands_in_front(understudy: Running) -> None:
    port = int(understudy.url.rpartition(":")[2])
    in_front = [each for each in understudy.processes("/haproxy -db") if port in _ports(each)]
    assert len(in_front) == 1


def test_an_answer_names_its_request_once(understudy: Running) -> None:
    """The server in front of the ingress adds the id, and the ingress must not do so again."""
    with understudy.client() as client:
        for sent in ({"X-Request-ID": "abc"}, {}):
            named = client.get("/livez", headers=sent).headers.get_list("x-request-id")
            assert len(named) == 1
            assert named == ["abc"] or not sent


GRPC = {
    "GCS": "/ray.rpc.JobInfoGcsService/GetAllJobInfo",
    "raylet": "/ray.rpc.NodeManagerService/GetNodeStats",
    "worker": "/ray.rpc.CoreWorkerService/PushTask",
    "replica": "/ray.serve.ASGIService/HandleRequest",
}


def _grpc(address: str, method: str, token: str | None = None) -> str:
    """What is said to an empty request; no message of ours is read before the token is looked at."""
    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary(method)(b"", timeout=3, metadata=list(_shown(token).items()) if token else None)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


def _token() -> str:
    return (Path.home() / ".ray" / "auth_token").read_text()


def _shown(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _all_ports(understudy: Running) -> set[int]:
    mine = psutil.Process(understudy.process.pid).children(recursive=True)
    return {port for process in mine for port in _ports(process)}


def _ports(process: psutil.Process) -> set[int]:
    return {each.laddr.port for each in _listening(process)}


def _listening(process: psutil.Process) -> list[psutil._common.pconn]:
    try:
        return [each for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN]
    except psutil.NoSuchProcess:
        return []


def _on_loopback(ip: str) -> bool:
    address = ipaddress.ip_address(ip)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
