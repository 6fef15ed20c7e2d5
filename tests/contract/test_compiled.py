"""Students whose trees are walked by machine code: made behind their back, tried on this machine, the same bits; and
LightGBM answers where anything is wrong."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from serve_app.adapters import compiled_students
from serve_app.adapters.boosted_student import BoostedStudent
from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.compiled_cache import CompiledCache
from serve_app.adapters.compiled_students import CompiledStudents, tried_with
from serve_app.adapters.compiled_trial import agree, keep_if_good, tables_of, try_apart
from serve_app.adapters.students import load_student
from serve_app.core.answers import ClassAnswers, StudentAnswers, ValueAnswers
from serve_app.core.bundle import digest_of
from serve_app.core.errors import BadBundle
from serve_app.core.use_case import UseCase
from tests.fakes.bad_artefacts import resealed
from tests.fakes.small_models import LABELLED, STUDENT, USE_CASES, trained

NAMES = ("stones", "knots", "boats")  # many classes, two, a value


def use_case(name: str) -> UseCase:
    return UseCase.model_validate({"name": name, "title": name.capitalize(), "student": STUDENT, **USE_CASES[name]})


@cache
def bundle(name: str = "knots") -> dict[str, bytes]:
    return trained(use_case(name))


def student(name: str = "knots", num_threads: int = 1) -> BoostedStudent:
    loaded = load_student(bundle(name), "1", num_threads)
    assert isinstance(loaded, BoostedStudent)
    return loaded


def bits(answers: StudentAnswers) -> bytes:
    if isinstance(answers, ClassAnswers):
        return answers.probabilities.tobytes()
    assert isinstance(answers, ValueAnswers)
    return np.stack((answers.low, answers.value, answers.high)).tobytes()


class Machine:
    """A disk with the bundles of a use case on it. ``made``: how often tables were."""

    def __init__(self, root: Path) -> None:
        self.root, self.made, self.at_once, self._now = root, 0, 0, 0
        self._lock = threading.Lock()
        for name in NAMES:
            assert BundleCache(root).put(bundle(name))

    def make(self, root: Path, digest: str) -> None:
        """As the child does, in this process."""
        with self._lock:
            self.made, self._now = self.made + 1, self._now + 1
            self.at_once = max(self.at_once, self._now)
        time.sleep(0.05)
        keep_if_good(root, digest)
        with self._lock:
            self._now -= 1

    def behind(self, asked: BoostedStudent, digest: str, make: Callable[[Path, str], None] | None = None) -> None:
        thread = CompiledStudents(self.root, make or self.make).behind(asked, digest)
        assert thread is not None
        thread.join(60)

    def kept(self, name: str = "knots") -> Path:
        return self.root / "compiled" / digest_of(bundle(name)).removeprefix("sha256:")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_threads", [1, 3])
def test_answers_and_explanations_stay_as_they_were(machine: Machine, name: str, num_threads: int) -> None:
    plain, compiled = student(name), student(name, num_threads)
    machine.behind(compiled, digest_of(bundle(name)))
    assert (plain.predictor, compiled.predictor) == ("lightgbm", "compiled")
    rows = LABELLED[name](1000, seed=9).rows
    for count in (1, 2, 31, 32, 33, 257, 1000):
        some = rows.take(range(count))
        assert bits(compiled.answer(some)) == bits(plain.answer(some))
    few = rows.take(range(5))
    assert compiled.explain(few, 3) == plain.explain(few, 3)


def test_several_callers_at_once_get_their_own(machine: Machine) -> None:
    plain, compiled = student("stones"), student("stones")
    machine.behind(compiled, digest_of(bundle("stones")))
    batches = [LABELLED["stones"](count, seed=count).rows for count in range(40, 80)]
    with ThreadPoolExecutor(8) as pool:
        assert [bits(a) for a in pool.map(compiled.answer, batches)] == [bits(plain.answer(rows)) for rows in batches]


def test_the_child_makes_them_and_the_next_start_finds_them(machine: Machine) -> None:
    digest = digest_of(bundle())
    first, second = student(), student()
    machine.behind(first, digest, try_apart)
    assert first.predictor == "compiled"
    machine.behind(second, digest)
    assert (second.predictor, machine.made) == ("compiled", 0)


def test_replicas_that_come_at_once_make_them_once_and_one_after_the_other(machine: Machine) -> None:
    every = [(name, student(name)) for name in NAMES for _ in range(3)]
    threads = [CompiledStudents(machine.root, machine.make).behind(each, digest_of(bundle(n))) for n, each in every]
    for thread in threads:
        assert thread is not None
        thread.join(60)
    assert {each.predictor for _, each in every} == {"compiled"}
    assert (machine.made, machine.at_once) == (len(NAMES), 1)


def test_asked_again_while_it_is_being_made_nothing_happens_twice(machine: Machine) -> None:
    one, students = student(), CompiledStudents(machine.root, machine.make)
    thread = students.behind(one, digest_of(bundle()))
    assert students.behind(one, digest_of(bundle())) is None
    assert thread is not None
    thread.join(60)
    assert students.behind(one, digest_of(bundle())) is None  # it has them already


def spoil_by_truncation(content: bytes) -> bytes:
    return content[: len(content) // 2]


def spoil_a_byte(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


def spoil_altogether(content: bytes) -> bytes:
    return b"nonsense"


def spoil_by_age(content: bytes) -> bytes:
    return content.replace(b"llvmlite ", b"llvmlite 0")


SPOILT = [spoil_by_truncation, spoil_a_byte, spoil_altogether, spoil_by_age, lambda content: b""]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_spoilt_file_is_thrown_away_and_made_again(machine: Machine, spoil: Callable[[bytes], bytes]) -> None:
    machine.behind(student(), digest_of(bundle()))
    good = machine.kept().read_bytes()
    machine.kept().write_bytes(spoil(good))
    assert CompiledCache(machine.root).get(digest_of(bundle()), tried_with()) is None
    assert not machine.kept().exists()
    again = student()
    machine.behind(again, digest_of(bundle()))
    assert (again.predictor, machine.made) == ("compiled", 2)
    assert machine.kept().read_bytes() == good


def test_those_of_another_model_are_not_used(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    """Every digest holds, and yet the answers are others."""
    other = trained(use_case("knots"), seed=2)

    def wrong(root: Path, digest: str) -> None:
        CompiledCache(root).put(digest, tried_with(), tables_of(other))

    one = student()
    machine.behind(one, digest_of(bundle()), wrong)
    assert one.predictor == "lightgbm"
    assert "does not answer as it did" in caplog.text
    assert not machine.kept().exists()
    with pytest.raises(BadBundle, match="differ from LightGBM's"):
        agree(bundle(), tables_of(other))


def test_a_child_that_crashes_or_hangs_leaves_lightgbm(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    text = bundle()["trees-classes-0.txt"]
    fatal = resealed(use_case("knots"), bundle(), {"trees-classes-0.txt": text[: len(text) // 2]}, 1)
    assert BundleCache(machine.root).put(fatal)
    one = student()
    machine.behind(one, digest_of(fatal), try_apart)
    assert "crashed its process" in caplog.text
    machine.behind(one, digest_of(bundle()), lambda root, digest: try_apart(root, digest, timeout_s=0.05))
    assert "not tried within" in caplog.text
    assert one.predictor == "lightgbm"
    assert one.answer(LABELLED["knots"](3, seed=1).rows)


def test_without_llvm_lightgbm_answers_and_the_log_says_what_is_missing(
    machine: Machine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_students, "find_spec", lambda name: None)
    one = student()
    assert CompiledStudents(machine.root, machine.make).behind(one, digest_of(bundle())) is None
    assert "the extra `compiled` brings it" in caplog.text
    assert one.predictor == "lightgbm"


@pytest.mark.parametrize("place", ["compiled", "trying"])
def test_a_disk_that_takes_nothing_leaves_lightgbm(
    machine: Machine, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    (machine.root / place).write_text("a file where a folder should be")
    one = student()
    machine.behind(one, digest_of(bundle()))
    assert one.predictor == "lightgbm"
    assert "goes on answering" in caplog.text


def test_a_student_that_nobody_holds_any_more_is_not_waited_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_students, "TURN_S", 0.01)
    one = student()
    with CompiledCache(machine.root).turn(1) as mine:
        assert mine
        thread = CompiledStudents(machine.root, machine.make).behind(one, digest_of(bundle()))
        assert thread is not None
        del one
        gc.collect()
        thread.join(10)
        assert not thread.is_alive()
    assert machine.made == 0


def test_a_batch_under_way_keeps_the_trees_it_began_with(machine: Machine) -> None:
    """Of three models, none is asked in another way than the first."""
    one = student("boats")
    asked: list[str] = []
    plain = dict(one.trees)

    class Watched:
        predictor = "lightgbm"

        def __init__(self, model: str) -> None:
            self._model = model

        def raw(self, matrix: np.ndarray, threads: int) -> object:
            asked.append(self._model)
            one.take_trees({})  # a flip, in the middle
            return plain[self._model].raw(matrix, threads)

    one.take_trees({model: Watched(model) for model in plain})  # type: ignore[misc]
    one.answer(LABELLED["boats"](4, seed=1).rows)
    assert asked == ["low", "median", "high"]


def test_room_is_made_together_with_the_bundles(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.behind(student(), digest_of(bundle()))
    assert machine.kept().exists()
    small = BundleCache(tmp_path, keep=1)
    for seed in (3, 4):
        small.put(trained(use_case("knots"), seed))
    assert not machine.kept().exists()


def test_a_digest_that_could_leave_the_folder_is_none(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    one = student()
    machine.behind(one, "sha256:../../elsewhere")
    assert "is no digest" in caplog.text
    assert one.predictor == "lightgbm"


def test_only_lightgbms_students_are_compiled(machine: Machine) -> None:
    class Other:
        predictor = "xgboost"

    assert CompiledStudents(machine.root).behind(Other(), "sha256:0") is None  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "understudy.model")


def test_the_tables_of_a_bundle_are_by_model() -> None:
    found: Mapping[str, object] = tables_of(bundle("boats"))
    assert list(found) == ["low", "median", "high"]
