"""The laws of a registry, against memory, MLflow with a database and a folder, an MLflow server, and the
registry's deployment as the pipelines reach it."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.registry import ServedRegistry
from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.adapters.mlflow_registry import MlflowRegistry
from serve_app.core.bundle import MAX_BYTES, digest_of
from serve_app.core.errors import BadBundle, NotFound, RegistryUnavailable
from serve_app.core.platform import Artefacts, Platform
from serve_app.core.platform import Registry as RegistrySettings
from serve_app.core.ports import Registry, Version
from serve_app.deployments.registry import RegistryDesk
from tests.fakes.mlflow_server import mlflow_server
from tests.fakes.stub_student import bundle

_names = (f"harbour_{number}" for number in itertools.count())

_FIRST = """
import sys
from serve_app.adapters.mlflow_registry import MlflowRegistry
from tests.fakes.stub_student import bundle
registry = MlflowRegistry(sys.argv[1], sys.argv[2])
print(registry.register("first", bundle(), {}, {}).version)
"""


@dataclass(frozen=True)
class Place:
    """Where an MLflow registry is, and the folder its files lie under."""

    uri: str
    folder: Path

    def registry(self, max_bytes: int = MAX_BYTES) -> MlflowRegistry:
        return MlflowRegistry(self.uri, self.folder / "artefacts", max_bytes)


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, list[tuple[str, str]]]:
    """A new database on which two processes have started at once, and what they said."""
    folder = tmp_path_factory.mktemp("embedded")
    place = Place(f"sqlite:///{folder / 'state' / 'mlflow.db'}", folder)
    command = [sys.executable, "-c", _FIRST, place.uri, str(folder / "artefacts")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    return place, [process.communicate(timeout=240) for process in started]


@pytest.fixture(scope="module")
def embedded(first_start: tuple[Place, list[tuple[str, str]]]) -> Place:
    return first_start[0]


@pytest.fixture(scope="module")
def served(embedded: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server over the same database, which spares making its tables again; files have their own place."""
    folder = tmp_path_factory.mktemp("server")
    with mlflow_server(folder, embedded.uri) as address:
        yield Place(address, folder)


class BlockingHandle:
    """``handle.method.remote(...).result(...)``, the desk on a loop of its own."""

    def __init__(self, desk: Any) -> None:
        self._desk, self._loop = desk, asyncio.new_event_loop()
        Thread(target=self._loop.run_forever, daemon=True).start()

    def __getattr__(self, method: str) -> Any:
        return _Asked(getattr(self._desk, method), self._loop)


class _Asked:
    def __init__(self, method: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._method, self._loop = method, loop

    def remote(self, *args: Any) -> Any:
        self._future = asyncio.run_coroutine_threadsafe(self._method(*args), self._loop)
        return self

    def result(self, timeout_s: float) -> Any:
        return self._future.result(timeout_s)


@pytest.fixture(scope="module")
def deployed(embedded: Place) -> Place:
    root = str(embedded.folder / "artefacts")
    platform = Platform(state=str(embedded.folder), registry=RegistrySettings(uri=SecretStr(embedded.uri)),
                        artefacts=Artefacts(root=root))  # fmt: skip
    return Deployed(embedded.uri, embedded.folder, ServedRegistry(BlockingHandle(RegistryDesk(platform))))


@dataclass(frozen=True)
class Deployed(Place):
    over_a_handle: ServedRegistry

    def registry(self, max_bytes: int = MAX_BYTES) -> Any:
        return self.over_a_handle


@pytest.fixture(params=["memory", "embedded", "served", "deployed"])
def registry(request: pytest.FixtureRequest) -> Registry:
    if request.param == "memory":
        return MemoryRegistry()
    place: Place = request.getfixturevalue(request.param)
    return place.registry()


@pytest.fixture
def name() -> str:
    """A use case that no other test has touched."""
    return next(_names)


def _register(registry: Registry, name: str, last: float = 1 / 3) -> Version:
    return registry.register(
        name, bundle((0.1, 0.2, last)), {"accuracy": 0.1 + 0.2, "recall/kebun é": 1.0}, {"rows": "3", "note": "å 'x'"}
    )


def test_what_is_registered_is_there_as_it_was_given(registry: Registry, name: str) -> None:
    made = _register(registry, name)
    assert made.use_case == name
    assert made.digest == digest_of(bundle())
    assert made.metrics == {"accuracy": 0.1 + 0.2, "recall/kebun é": 1.0}
    assert made.tags == {"rows": "3", "note": "å 'x'"}
    assert made.aliases == ()
    assert made.created_at is not None
    assert made.created_at.tzinfo is not None
    assert registry.version(name, made.version) == made
    assert registry.versions(name) == [made]
    assert registry.fetch(name, made.version) == bundle()


def test_the_newest_comes_first_and_none_twice(registry: Registry, name: str) -> None:
    made = [_register(registry, name, 1 / number) for number in range(2, 13)]
    assert len({version.version for version in made}) == 11
    assert registry.versions(name) == made[::-1]
    assert registry.fetch(name, made[3].version) == bundle((0.1, 0.2, 1 / 5))


def test_the_same_bundle_twice_is_two_versions(registry: Registry, name: str) -> None:
    first, second = _register(registry, name), _register(registry, name)
    assert first.version != second.version
    assert first.digest == second.digest


def test_a_job_registers_one_version_however_often_it_is_repeated(registry: Registry, name: str) -> None:
    first = registry.register(name, bundle(), {"accuracy": 0.5}, {"job": "j' OR 1", "n": "1"})
    again = registry.register(name, bundle((1, 2, 3)), {"accuracy": 0.6}, {"job": "j' OR 1", "n": "2"})
    assert again == first
    assert registry.fetch(name, again.version) == bundle()
    other = registry.register(name, bundle(), {}, {"job": "another"})
    assert registry.versions(name) == [other, first]
    elsewhere = registry.register(next(_names), bundle(), {}, {"job": "another"})
    assert elsewhere.version == "1"


def test_a_job_that_registers_at_once_from_several_places_has_one_version(registry: Registry, name: str) -> None:
    made: list[Version] = []
    work = lambda: made.append(registry.register(name, bundle(), {}, {"job": "one"}))  # noqa: E731
    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({version.version for version in made}) == 1
    assert [version.version for version in registry.versions(name)] == [made[0].version]


def test_tags_are_added_and_replaced_and_the_rest_stays(registry: Registry, name: str) -> None:
    first, second = _register(registry, name), _register(registry, name)
    registry.set_tags(name, first.version, {"gate.outcome": "refuse", "rows": "4"})
    registry.set_tags(name, first.version, {"gate.outcome": "promote", "figures": "{" + "é" * 3000 + "}"})
    found = registry.version(name, first.version)
    expected = {"rows": "4", "note": "å 'x'", "gate.outcome": "promote", "figures": "{" + "é" * 3000 + "}"}
    assert found.tags == expected
    assert (found.digest, found.metrics) == (first.digest, first.metrics)
    assert registry.version(name, second.version) == second
    assert registry.fetch(name, first.version) == bundle()
    with pytest.raises(NotFound):
        registry.set_tags(name, "99", {"a": "b"})


def test_an_alias_is_taken_away_and_the_others_stay(registry: Registry, name: str) -> None:
    registry.remove_alias(name, "challenger")
    made = _register(registry, name)
    for alias in ("champion", "challenger"):
        registry.set_alias(name, alias, made.version)
    for _ in range(2):
        registry.remove_alias(name, "challenger")
        assert registry.aliased(name, "challenger") is None
        assert registry.version(name, made.version).aliases == ("champion",)


def test_an_alias_moves_and_the_others_stay(registry: Registry, name: str) -> None:
    first, second = _register(registry, name), _register(registry, name)
    assert registry.aliased(name, "champion") is None
    registry.set_alias(name, "champion", first.version)
    registry.set_alias(name, "challenger", second.version)
    registry.set_alias(name, "previous", first.version)
    registry.set_alias(name, "champion", second.version)
    found = {alias: registry.aliased(name, alias) for alias in ("champion", "challenger", "previous", "other")}
    assert {alias: version and version.version for alias, version in found.items()} == {
        "champion": second.version,
        "challenger": second.version,
        "previous": first.version,
        "other": None,
    }
    assert registry.version(name, second.version).aliases == ("challenger", "champion")
    assert [version.aliases for version in registry.versions(name)] == [("challenger", "champion"), ("previous",)]


def test_an_unknown_version_is_not_found(registry: Registry, name: str) -> None:
    registry.set_alias(name, "champion", _register(registry, name).version)
    for version in ("99", "0", "-1", "", "x", "1.0", "latest", "9" * 30, "1' OR '1"):
        for ask in (registry.version, registry.fetch):
            with pytest.raises(NotFound):
                ask(name, version)
        with pytest.raises(NotFound):
            registry.set_alias(name, "champion", version)
    champion = registry.aliased(name, "champion")
    assert champion is not None
    assert champion.version == "1"


def test_an_unknown_use_case_has_nothing(registry: Registry, name: str) -> None:
    assert registry.versions(name) == []
    assert registry.aliased(name, "champion") is None
    with pytest.raises(NotFound):
        registry.version(name, "1")


def test_one_use_case_knows_nothing_of_another(registry: Registry, name: str) -> None:
    _register(registry, name)
    other = next(_names)
    assert registry.versions(other) == []
    assert _register(registry, other).version == "1"


def test_a_bundle_that_does_not_hold_is_not_registered(registry: Registry, name: str) -> None:
    with pytest.raises(BadBundle):
        registry.register(name, bundle() | {"weights.json": b"[]"}, {}, {})
    assert registry.versions(name) == []


def test_registering_at_once_gives_distinct_versions(registry: Registry, name: str) -> None:
    made: list[Version] = []
    threads = [Thread(target=lambda: made.append(_register(registry, name))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(version.version for version in made) == ["1", "2", "3", "4"]
    assert len(registry.versions(name)) == 4


def _away(folder: Path, kind: str) -> tuple[Registry, str]:
    """A registry that is away, and what its error has to say of the place."""
    match kind:
        case "memory":
            registry = MemoryRegistry()
            registry.away = True
            return registry, "memory"
        case "no folder":
            (folder / "file").write_text("")
            return MlflowRegistry(f"sqlite:///{folder / 'file' / 'mlflow.db'}", folder), str(folder)
        case "no database":
            (folder / "mlflow.db").write_bytes(b"no database" * 1000)
            return MlflowRegistry(f"sqlite:///{folder / 'mlflow.db'}", folder), str(folder)
        case "postgresql":
            return MlflowRegistry("postgresql+psycopg://u:hush@127.0.0.1:9/d?password=hush", folder), "127.0.0.1:9/d"
    return MlflowRegistry("http://u:hush@127.0.0.1:9/", folder), "http://127.0.0.1:9/ "


@pytest.mark.parametrize("kind", ["memory", "no folder", "no database", "postgresql", "server"])
def test_a_registry_that_is_away_says_so_and_keeps_its_secrets(tmp_path: Path, kind: str) -> None:
    registry, place = _away(tmp_path, kind)
    for ask in (
        lambda: registry.versions("harbour"),
        lambda: registry.aliased("harbour", "champion"),
        lambda: registry.fetch("harbour", "1"),
        lambda: registry.set_alias("harbour", "champion", "1"),
        lambda: registry.register("harbour", bundle(), {}, {}),
        lambda: registry.set_tags("harbour", "1", {"a": "b"}),
        lambda: registry.remove_alias("harbour", "champion"),
    ):
        with pytest.raises(RegistryUnavailable) as refusal:
            ask()
        assert place in str(refusal.value)
        assert "hush" not in repr(refusal.value)
        assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


DAMAGES = ["changed", "folder", "missing", "manifest", "too large"]


@pytest.mark.parametrize(
    ("kind", "damage"), [("embedded", "link"), *itertools.product(["embedded", "served"], DAMAGES)]
)
def test_files_that_were_tampered_with_are_not_fetched(
    request: pytest.FixtureRequest, name: str, kind: str, damage: str
) -> None:
    place: Place = request.getfixturevalue(kind)
    version = _register(place.registry(), name).version
    limit, text = _damage(place.folder, damage)
    with pytest.raises(BadBundle, match=text):
        place.registry(limit).fetch(name, version)


def _damage(folder: Path, damage: str) -> tuple[int, str]:
    """Harms the bundle registered last. The limit to fetch with, and what the refusal says."""
    weights = max(folder.rglob("weights.json"), key=lambda path: path.stat().st_mtime_ns)
    match damage:
        case "link":
            weights.rename(folder / "elsewhere.json")
            weights.symlink_to(folder / "elsewhere.json")
            return MAX_BYTES, "'weights.json' is a link"
        case "changed":
            weights.write_bytes(weights.read_bytes().replace(b"1", b"2"))
            return MAX_BYTES, "weights.json has changed"
        case "folder":
            (weights.parent / "sub").mkdir()
            (weights.parent / "sub" / "x.txt").write_bytes(b"x")
            return MAX_BYTES, "plain file"
        case "missing":
            weights.unlink()
            return MAX_BYTES, "weights.json is missing"
        case "manifest":
            for name, content in bundle((1, 2, 3)).items():
                (weights.parent / name).write_bytes(content)
            return MAX_BYTES, "not the files that were registered"
    weights.write_bytes(b"x" * 100_000)
    return 50_000, "over the limit"


def test_two_processes_may_start_on_a_new_database_at_once(first_start: tuple[Place, list[tuple[str, str]]]) -> None:
    place, ended = first_start
    assert sorted(out.strip() for out, _ in ended) == ["1", "2"], ended
    assert [err for _, err in ended] == ["", ""]
    assert len(place.registry().versions("first")) == 2
