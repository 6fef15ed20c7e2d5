from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.core.answers import ClassAnswers, NoStudent, ValueAnswers
from serve_app.core.bundle import Golden, check, check_answers, digest_of, same, schema_version, seal
from serve_app.core.errors import BadBundle
from serve_app.core.npz import read_npz, write_npz
from serve_app.core.rows import Rows
from tests.fakes.stub_student import CLASSES, Stub, bundle, rows, use_case

WEIGHTS = (0.1, 0.2, 1 / 3)


def test_a_sealed_bundle_holds_and_says_what_it_is() -> None:
    manifest = check(bundle(), use_case())
    assert list(manifest.features.items()) == [("length", "numeric"), ("flag", "categorical"), ("report", "text")]
    assert manifest.schema_version == schema_version(use_case())
    assert manifest.data.labels == {"calm": 2, "busy": 1}
    assert manifest.calibration == {"method": "none", "ece": 0.01}
    assert set(manifest.files) == {"weights.json", "golden.json"}


def test_the_same_model_gives_the_same_bytes() -> None:
    assert bundle() == bundle()
    assert digest_of(bundle()) != digest_of(bundle((0.1, 0.2, 0.3)))
    assert digest_of(bundle()).startswith("sha256:")


def _without(name: str) -> Callable[[dict[str, bytes]], Any]:
    return lambda files: files.pop(name)


def _named(name: str) -> Callable[[dict[str, bytes]], Any]:
    return lambda files: files.update({name: b"x"})


def _manifest(**changes: Any) -> Callable[[dict[str, bytes]], Any]:
    def change(files: dict[str, bytes]) -> None:
        files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | changes).encode()

    return change


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda files: files.clear(), "the bundle is empty"),
        (_without("manifest.json"), "manifest.json is missing"),
        (_without("golden.json"), "golden.json is missing"),
        (_without("weights.json"), "weights.json is missing"),
        (_named("more.txt"), "more.txt is not named in manifest.json"),
        (lambda files: files.update({"weights.json": b"[]"}), "has 2 bytes, not"),
        (lambda files: files.update({"weights.json": files["weights.json"].replace(b"1", b"2")}), "has changed"),
        (_named("../x.txt"), "lies in no folder"),
        (_named("/etc/x.txt"), "lies in no folder"),
        (_named("a/b.txt"), "lies in no folder"),
        (_named("a\\b.txt"), "lies in no folder"),
        (_named(".x.txt"), "not hidden"),
        (_named(".."), "not hidden"),
        (_named("x\0.txt"), "letters, digits"),
        (_named("x" * 200 + ".txt"), "letters, digits"),
        (_named("x\n.txt"), "letters, digits"),
        (_named("x.txt\n"), "letters, digits"),
        (_named(""), "letters, digits"),
        (_named("model.pkl"), "only .txt, .json, .npz"),
        (_named("model.npy"), "only .txt, .json, .npz"),
        (lambda files: files.update({f"{n}.txt": b"" for n in range(200)}), "more than 100"),
        (lambda files: files.update({"manifest.json": b"\x80\x04K"}), "manifest.json: "),
        (lambda files: files.update({"manifest.json": b"[" * 100_000}), "manifest.json: "),
        (lambda files: files.update({"manifest.json": b"{}"}), "manifest.json: format: Field required"),
        (_manifest(format=2), "format 2 is newer than 1"),
        (_manifest(format=2, files=3), "format 2 is newer than 1"),
        (_manifest(format="1"), "manifest.json: format"),
        (_manifest(surprise=1), "manifest.json: surprise"),
        (_manifest(metrics={"a": "high"}), "manifest.json: metrics.a"),
        (_manifest(features={"length": "numeric"}), "golden row 0 does not have exactly the model's features"),
        (_manifest(features={"length": "text", "flag": "text", "report": "text"}), "is 12.5, which is not text"),
    ],
)
def test_what_does_not_hold_is_refused_with_its_reason(damage: Callable[[dict[str, bytes]], Any], text: str) -> None:
    files = bundle()
    damage(files)
    with pytest.raises(BadBundle) as refusal:
        check(files, None)
    assert text in str(refusal.value)


def test_a_bundle_over_the_limit_is_refused() -> None:
    with pytest.raises(BadBundle, match="more than 100"):
        check(bundle(), None, max_bytes=100)


def _fields(**changes: Any) -> dict[str, Any]:
    raw = use_case().model_dump()["fields"]
    return {name: value for name, value in (raw | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": "airport"}, "is one of 'harbour', not of 'airport'"),
        ({"fields": _fields(speed={"kind": "numeric"})}, "does not know the feature 'speed'"),
        ({"fields": _fields(flag=None)}, "needs the feature 'flag'"),
        ({"fields": _fields(length={"kind": "text"})}, "takes 'length' as numeric, the use case as text"),
        ({"fields": dict(reversed(_fields().items()))}, "in the order length, flag, report"),
        ({"fields": _fields(length={"kind": "numeric", "default": 3.0})}, "defaults or allowed values"),
        ({"target": {"kind": "regression", "column": "state"}}, "answers a classification"),
        ({"target": {"kind": "classification", "column": "state", "classes": ("a", "b")}}, "the model's classes is"),
        (
            {"target": {"kind": "classification", "column": "state", "classes": CLASSES, "positive": "busy"}},
            "the model's positive is None",
        ),
    ],
)
def test_a_model_of_another_schema_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(BadBundle, match=text):
        check(bundle(), use_case(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Boats", "description": "x"},
        {"cascade": {"kind": "fixed", "threshold": 0.5}},
        {"decision": {"kind": "route", "default": "quay"}},
        {"teacher": {"prompt": "other.md"}},
        {"student": {"kind": "lightgbm", "rounds": 7}},
        {"fields": _fields(length={"kind": "numeric", "minimum": -5, "maximum": 9, "description": "m"})},
        {"fields": _fields(flag={"kind": "categorical", "values": ("dk", "no")})},
        {"fields": _fields(fee=None)},
        {"target": {"kind": "classification", "column": "renamed", "classes": CLASSES}},
    ],
)
def test_what_the_student_does_not_see_leaves_its_schema_as_it_is(changes: dict[str, Any]) -> None:
    assert schema_version(use_case(**changes)) == schema_version(use_case())
    check(bundle(), use_case(**changes))


def test_the_bundles_own_names_are_taken() -> None:
    with pytest.raises(BadBundle, match=r"golden\.json: this name is the bundle's own"):
        bundle(files={"golden.json": b"{}"})


def test_a_metric_that_is_no_number_is_not_sealed() -> None:
    whole = check(bundle(), None)
    with pytest.raises(BadBundle, match=r"metrics\.auc"):
        seal(
            {},
            family="stub",
            use_case=use_case(),
            metrics={"auc": float("nan")},
            calibration={},
            data=whole.data,
            libraries={},
            created_at=whole.created_at,
            golden=_golden(),
        )


def _golden() -> Golden:
    return Golden.of(rows(), Stub(list(WEIGHTS)).answer(rows()))


def test_golden_rows_come_back_as_they_were() -> None:
    golden = Golden.from_json(_golden().as_json())
    again = golden.as_rows({"length": "numeric", "flag": "categorical", "report": "text"})
    assert list(again.records()) == list(rows().records())
    assert again.names == rows().names
    check_answers(bundle(), Stub(list(WEIGHTS)))


def test_one_bit_is_a_difference() -> None:
    with pytest.raises(BadBundle, match="golden row 2: the probability of 'calm' is"):
        check_answers(bundle(), Stub([float(np.nextafter(0.1, 1.0)), 0.2, 1 / 3]))


finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(st.lists(finite, min_size=1, max_size=32))
def test_json_keeps_every_bit(numbers: list[float]) -> None:
    given_rows = Rows({"x": np.array(numbers)})
    answers = ValueAnswers(np.array(numbers), np.array(numbers) / 3, np.array(numbers), "1")
    golden = Golden.from_json(Golden.of(given_rows, answers).as_json())
    assert same(golden, answers) is None
    assert golden.as_rows({"x": "numeric"})["x"].tobytes() == given_rows["x"].tobytes()


def test_zero_and_minus_zero_are_not_the_same() -> None:
    def answers(low: float) -> ValueAnswers:
        return ValueAnswers(np.array([1.0]), np.array([low]), np.array([2.0]), "1")

    golden = Golden.from_json(Golden.of(Rows({"x": np.array([1.0])}), answers(-0.0)).as_json())
    assert same(golden, answers(-0.0)) is None
    assert same(golden, answers(0.0)) == "golden row 0: low is 0.0, not -0.0"


def test_answers_of_another_shape_are_a_difference() -> None:
    golden, good = _golden(), Stub(list(WEIGHTS)).answer(rows())
    assert "2 answers for 3" in str(same(golden, ClassAnswers(CLASSES, good.probabilities[:2], "1")))
    assert "the classes are" in str(same(golden, ClassAnswers(CLASSES[::-1], good.probabilities, "1")))
    assert "of shape" in str(same(golden, ClassAnswers(CLASSES, good.probabilities[:, :2], "1")))
    assert "NoStudent" in str(same(golden, NoStudent(3)))
    nan = np.full_like(good.probabilities, np.nan)
    assert "nan" in str(same(golden, ClassAnswers(CLASSES, nan, "1")))


@pytest.mark.parametrize(
    ("given_rows", "answers"),
    [
        (Rows({"x": np.zeros(33)}), ValueAnswers(np.zeros(33), np.zeros(33), np.zeros(33), "1")),
        (Rows({"x": np.zeros(0)}), ValueAnswers(np.zeros(0), np.zeros(0), np.zeros(0), "1")),
        (Rows({"x": np.zeros(2)}), ValueAnswers(np.zeros(1), np.zeros(1), np.zeros(1), "1")),
        (Rows({"x": np.zeros(1)}), ValueAnswers(np.array([np.nan]), np.zeros(1), np.zeros(1), "1")),
        (Rows({"x": np.zeros(1)}), NoStudent(1)),
    ],
)
def test_what_cannot_be_golden(given_rows: Rows, answers: Any) -> None:
    with pytest.raises(BadBundle):
        Golden.of(given_rows, answers)


def test_arrays_come_back_as_they_were() -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(["å", "bb"]), "empty": np.zeros((0, 3), np.float32)}
    content = write_npz(arrays)
    assert write_npz(arrays) == content
    back = read_npz(content)
    assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in back.items()} == {
        name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()
    }


class _Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("it was unpickled",))


def _npz(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def _npy(shape: tuple[int, ...], body: bytes, descr: str = "<f8") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue() + body


def _pickled() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([_Bomb()], dtype=object))  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (_pickled(), "holds Python objects"),
        (pickle.dumps(_Bomb()), "not readable as npz"),
        (b"", "not readable as npz"),
        (write_npz({"a": np.arange(900.0)})[:-30], "not readable as npz"),
        (_npz(("a.npy", pickle.dumps(_Bomb()))), "not readable as npz"),
        (_npz(("a.pkl", b"x")), "no array"),
        (_npz(("a.npy", _npy((1 << 50,), b""))), "does not hold what its header says"),
        (_npz(("a.npy", _npy((2,), b"\0" * 15))), "does not hold what its header says"),
        (_npz(("a.npy", _npy((-1,), b""))), "does not hold what its header says"),
    ],
)
def test_arrays_that_are_not_arrays_are_refused(content: bytes, text: str) -> None:
    with pytest.raises(BadBundle, match=text):
        read_npz(content, "x.npz")
    with pytest.raises(BadBundle, match=text):
        bundle(files={"x.npz": content})


def test_objects_are_not_written() -> None:
    with pytest.raises(BadBundle, match="'a' holds Python objects"):
        write_npz({"a": np.array(["x"], dtype=object)})
