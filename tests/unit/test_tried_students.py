"""A bundle is tried once on a machine, however many replicas come with it at the same time."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock, Thread

import pytest

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.tried_students import TriedStudents
from serve_app.core.bundle import digest_of
from serve_app.core.errors import BadBundle
from serve_app.core.use_case import UseCase
from tests.fakes.small_models import STUDENT, USE_CASES, lying, trained

KNOTS = UseCase.model_validate({"name": "knots", "title": "Knots", "student": STUDENT, **USE_CASES["knots"]})


@pytest.fixture(scope="module")
def bundle() -> dict[str, bytes]:
    return trained(KNOTS)


class Trial:
    """Takes its time, and counts."""

    def __init__(self, refuses: bool = False) -> None:
        self.times, self.at_once, self._now, self._lock, self._refuses = 0, 0, 0, Lock(), refuses

    def __call__(self, bundle: Mapping[str, bytes], use_case: UseCase) -> None:
        with self._lock:
            self.times, self._now = self.times + 1, self._now + 1
            self.at_once = max(self.at_once, self._now)
        time.sleep(0.2)
        with self._lock:
            self._now -= 1
        if self._refuses:
            raise BadBundle("no")


def replicas(folder: Path, bundle: Mapping[str, bytes], trial: Trial, count: int = 4) -> list[str]:
    """What each of so many comes to, all at once."""
    came: list[str] = []

    def one() -> None:
        try:
            came.append(TriedStudents(BundleCache(folder), trial).load(bundle, "3", digest_of(bundle), KNOTS).version)
        except BadBundle as error:
            came.append(str(error))

    threads = [Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def test_one_trial_is_enough_for_all(tmp_path: Path, bundle: dict[str, bytes]) -> None:
    trial = Trial()
    assert replicas(tmp_path, bundle, trial) == ["3"] * 4
    assert trial.times == 1
    assert replicas(tmp_path, bundle, trial, 1) == ["3"]
    assert trial.times == 1


def test_what_was_refused_is_tried_by_each_but_never_at_once(tmp_path: Path, bundle: dict[str, bytes]) -> None:
    trial = Trial(refuses=True)
    assert replicas(tmp_path, bundle, trial, 3) == ["no"] * 3
    assert (trial.times, trial.at_once) == (3, 1)


def test_a_disk_that_takes_no_lock_costs_a_second_trial(tmp_path: Path, bundle: dict[str, bytes]) -> None:
    (tmp_path / "file").write_text("in the way")
    trial = Trial()
    assert replicas(tmp_path / "file", bundle, trial, 2) == ["3"] * 2
    assert trial.times == 2


def test_whoever_dies_with_the_lock_leaves_it_to_the_next(tmp_path: Path, bundle: dict[str, bytes]) -> None:
    process = multiprocessing.get_context("fork").Process(target=_hold, args=(tmp_path, digest_of(bundle)))
    process.start()
    while not list((tmp_path / "trying").glob("*.held")):
        time.sleep(0.01)
    process.kill()
    process.join()
    trial = Trial()
    assert replicas(tmp_path, bundle, trial, 1) == ["3"]
    assert trial.times == 1


def test_a_trial_of_before_is_not_believed_blindly(tmp_path: Path, bundle: dict[str, bytes]) -> None:
    bad = lying(KNOTS, bundle)
    assert "does not answer as it did" in replicas(tmp_path, bad, Trial(), 1)[0]


def test_without_a_configuration_only_what_was_tried_is_loaded(tmp_path: Path, bundle: dict[str, bytes]) -> None:
    students = TriedStudents(BundleCache(tmp_path), Trial())
    with pytest.raises(BadBundle, match="configuration is broken"):
        students.load(bundle, "3", digest_of(bundle), None)
    students.load(bundle, "3", digest_of(bundle), KNOTS)
    assert students.load(bundle, "3", digest_of(bundle), None).version == "3"


def _hold(folder: Path, digest: str) -> None:
    with BundleCache(folder).trying(digest):
        (folder / "trying" / "it.held").touch()
        time.sleep(60)
