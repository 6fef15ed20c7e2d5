"""A bundle is tried where only a child can die, cold or warm: one suite of laws for both. The cache is the
disk's own, so its laws stand here too."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from serve_app.adapters.bundle_cache import BundleCache, Champion
from serve_app.adapters.bundle_folder import read_folder, write_folder
from serve_app.adapters.verify_bundle import verify
from serve_app.adapters.warm_trial import WarmTrial
from serve_app.core.bundle import digest_of
from serve_app.core.errors import BadBundle
from tests.fakes.stub_student import LOADERS, bundle, use_case

Verify = Callable[..., None]


def _cold(given: dict[str, bytes], loader: str, timeout_s: float) -> None:
    verify(given, use_case(), timeout_s, loader=f"{LOADERS}:{loader}")


def _warm(given: dict[str, bytes], loader: str, timeout_s: float) -> None:
    trial = WarmTrial(timeout_s, f"{LOADERS}:{loader}")
    try:
        trial(given, use_case())
    finally:
        trial.close()


@pytest.fixture(params=[_cold, _warm], ids=["cold", "warm"])
def tried(request: pytest.FixtureRequest) -> Verify:
    def verified(given: dict[str, bytes], loader: str = "load_student", timeout_s: float = 60.0) -> None:
        request.param(given, loader, timeout_s)

    return verified


def test_a_student_that_keeps_its_word_is_let_through(tried: Verify) -> None:
    tried(bundle())


def test_a_changed_file_never_reaches_the_child(tried: Verify) -> None:
    started = time.monotonic()
    with pytest.raises(BadBundle, match="has changed"):
        tried(bundle() | {"weights.json": bundle()["weights.json"].replace(b"1", b"2")}, "load_crash")
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize(
    ("loader", "text"),
    [
        ("load_liar", "does not answer as it did when it was made: golden row"),
        ("load_crash", r"crashed its process \(SIGSEGV\)"),
        ("load_exit", r"ended its process \(exit code 0\)"),
        ("load_refuse", "cannot be loaded: KeyError: 'weights'"),
    ],
)
def test_a_student_that_does_not_is_refused(tried: Verify, loader: str, text: str) -> None:
    with pytest.raises(BadBundle, match=text):
        tried(bundle(), loader)


def test_a_hang_ends(tried: Verify) -> None:
    started = time.monotonic()
    with pytest.raises(BadBundle, match=r"within 1 s|in time"):
        tried(bundle(), "load_hang", timeout_s=1)
    assert time.monotonic() - started < 5


def test_the_child_sees_none_of_the_parents_secrets(tried: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_TEACHER__GEMINI__API_KEY", "secret")
    tried(bundle(), "load_curious")


def test_a_truncated_lightgbm_model_kills_only_the_child(tried: Verify) -> None:
    import lightgbm

    random = np.random.default_rng(0)
    data = lightgbm.Dataset(random.normal(size=(200, 3)), random.normal(size=200))
    model = lightgbm.train({"verbose": -1, "num_threads": 1}, data, 5).model_to_string().encode()
    tried(bundle(files={"model.txt": model}), "load_booster")
    with pytest.raises(BadBundle, match=r"crashed its process \(SIGABRT\)"):
        tried(bundle(files={"model.txt": model[: len(model) // 2]}), "load_booster")


def test_a_warm_trial_goes_on_after_a_crash_and_after_its_process_has_gone() -> None:
    trial = WarmTrial(loader=f"{LOADERS}:load_student")
    trial(bundle(), use_case())
    between = trial._between
    assert between is not None
    trial(_other(1), use_case())
    assert trial._between is between
    between.kill()
    between.wait()
    trial(_other(2), use_case())
    assert trial._between is not between
    trial.close()


def test_the_process_between_leaves_nothing_when_it_ends() -> None:
    trial = WarmTrial(loader=f"{LOADERS}:load_student")
    trial(bundle(), use_case())
    assert trial._between is not None
    pid = trial._between.pid
    os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < end:  # a zombie exists as well
        time.sleep(0.01)
    assert not psutil.pid_exists(pid)


def test_a_warm_trial_works_where_more_than_1024_descriptors_are_open() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2048:
        pytest.skip("this machine allows a process no 2,048 descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    many = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    trial = WarmTrial(loader=f"{LOADERS}:load_student")
    try:
        trial(bundle(), use_case())
        assert trial._between is not None  # it answered: the trial was not repeated cold
    finally:
        trial.close()
        for each in many:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_a_crash_leaves_behind_spoils_no_other_trial() -> None:
    crash, good = WarmTrial(loader=f"{LOADERS}:load_crash"), f"{LOADERS}:load_student"
    with pytest.raises(BadBundle, match="SIGSEGV"):
        crash(bundle(), use_case())
    crash._loader = good
    crash(bundle(), use_case())
    crash.close()


def _other(number: int) -> dict[str, bytes]:
    return bundle((0.1, 0.2, number / 7))


def test_the_cache_gives_back_what_it_was_given(tmp_path: Path) -> None:
    cache = BundleCache(tmp_path / "not" / "there")
    assert cache.get(digest_of(bundle())) is None
    assert cache.put(bundle())
    assert cache.put(bundle())
    assert cache.get(digest_of(bundle())) == bundle()
    assert BundleCache(tmp_path / "not" / "there").get(digest_of(bundle())) == bundle()


@pytest.mark.parametrize("damage", ["changed", "short", "missing", "extra", "link", "folder"])
def test_the_cache_throws_away_what_does_not_hold(tmp_path: Path, damage: str) -> None:
    cache, digest = BundleCache(tmp_path), digest_of(bundle())
    cache.put(bundle())
    folder = tmp_path / digest.removeprefix("sha256:")
    weights = folder / "weights.json"
    content = weights.read_bytes()
    weights.unlink()
    match damage:
        case "changed":
            weights.write_bytes(content.replace(b"1", b"2"))
        case "short":
            weights.write_bytes(content[:-1])
        case "extra":
            weights.write_bytes(content)
            (folder / "more.txt").write_bytes(b"")
        case "link":
            (tmp_path / "outside.json").write_bytes(content)
            weights.symlink_to(tmp_path / "outside.json")
        case "folder":
            weights.write_bytes(content)
            (folder / "sub").mkdir()
    assert cache.get(digest) is None
    assert not folder.exists()
    assert cache.put(bundle())
    assert cache.get(digest) == bundle()


def test_another_bundle_in_its_place_is_not_taken_for_it(tmp_path: Path) -> None:
    cache = BundleCache(tmp_path)
    cache.put(_other(1))
    folder = tmp_path / digest_of(_other(1)).removeprefix("sha256:")
    folder.rename(tmp_path / digest_of(bundle()).removeprefix("sha256:"))
    assert cache.get(digest_of(bundle())) is None


def test_the_cache_keeps_the_last_used_and_the_champions(tmp_path: Path) -> None:
    cache = BundleCache(tmp_path, keep=2)
    champion = digest_of(_other(0))
    cache.put(_other(0))
    cache.remember("harbour", "1", champion)
    for number in range(1, 5):
        cache.put(_other(number))
        os.utime(tmp_path / digest_of(_other(number)).removeprefix("sha256:"), (number, number))
    cache.put(_other(5))
    kept = [number for number in range(6) if cache.get(digest_of(_other(number)))]
    assert kept == [0, 4, 5]
    assert not list(tmp_path.glob(".new-*"))


def test_the_cache_remembers_each_champion(tmp_path: Path) -> None:
    cache, digest = BundleCache(tmp_path), digest_of(bundle())
    assert cache.last("harbour") is None
    assert cache.remember("harbour", "3", digest)
    assert cache.remember("harbour", "4", digest)
    assert BundleCache(tmp_path).last("harbour") == Champion("4", digest)
    assert cache.last("airport") is None
    (tmp_path / "last" / "harbour.json").write_text("[")
    assert cache.last("harbour") is None


def test_the_cache_knows_what_was_tried_while_it_keeps_it(tmp_path: Path) -> None:
    cache = BundleCache(tmp_path, keep=1)
    for number in (1, 2):
        cache.put(_other(number))
        assert not cache.was_tried(digest_of(_other(number)), "numpy 2")
        cache.mark_tried(digest_of(_other(number)), "numpy 2")
        os.utime(tmp_path / digest_of(_other(number)).removeprefix("sha256:"), (number, number))
    assert BundleCache(tmp_path).was_tried(digest_of(_other(2)), "numpy 2")
    assert not cache.was_tried(digest_of(_other(2)), "numpy 3")
    cache.put(_other(3))
    assert not cache.was_tried(digest_of(_other(2)), "numpy 2")


def test_a_disk_that_is_gone_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = BundleCache(tmp_path / "file")
    assert not cache.put(bundle())
    assert not cache.remember("harbour", "1", digest_of(bundle()))
    cache.mark_tried(digest_of(bundle()), "numpy 2")
    assert not cache.was_tried(digest_of(bundle()), "numpy 2")
    assert cache.get(digest_of(bundle())) is None
    assert cache.last("harbour") is None


def test_no_digest_leaves_the_cache(tmp_path: Path) -> None:
    with pytest.raises(BadBundle, match="is no digest"):
        BundleCache(tmp_path).get("sha256:../../etc")
    with pytest.raises(ValueError, match="no name"):
        BundleCache(tmp_path).last("../x")


def test_a_folder_over_the_limit_is_not_read(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a.txt": b"x" * 60, "b.txt": b"x" * 60})
    assert len(read_folder(tmp_path, max_bytes=120)) == 2
    with pytest.raises(BadBundle, match="over the limit"):
        read_folder(tmp_path, max_bytes=119)


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(BadBundle, match="no plain file"):
        read_folder(tmp_path)
