"""``understudy new``, up to training."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from serve_app.adapters.config_files import load_use_case
from serve_app.cli import main
from serve_app.core.schema import validate

DATA = Path("../shared/data")


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    lines = [f"{n % 9 + n / 10};the printer on floor {n} is on fire;{'yes' if n % 3 else 'no'}" for n in range(60)]
    file = tmp_path / "table.csv"
    file.write_text("größe;text: what?;y\n" + "\n".join(lines).replace(".", ","), encoding="cp1252")
    return file


def new(table: Path, tmp_path: Path, *more: str, name: str = "fires", target: str = "y") -> int:
    return run("new", name, "--from", table, "--target", target, "--configs", tmp_path, "--no-train", *more)


def test_it_writes_a_use_case_that_fits_its_own_data(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(table, tmp_path) == 0
    folder = tmp_path / "use_cases" / "fires"
    assert sorted(each.name for each in folder.iterdir()) == ["data.parquet", "prompt.md", "use_case.yaml"]
    use_case = load_use_case(folder)
    assert {name: field.kind for name, field in use_case.fields.items()} == {"größe": "numeric", "text: what?": "text"}
    assert use_case.target.model_dump() == {
        "kind": "classification", "column": "y", "classes": ("no", "yes"), "positive": "no",
    }  # fmt: skip
    written = pd.read_parquet(folder / "data.parquet")
    records = json.loads(written.drop(columns="y").to_json(orient="records"))
    assert len(validate(use_case.fields, records)) == 60
    told = capsys.readouterr().out
    assert "parted by ';'" in told
    assert "decimal comma" in (folder / "use_case.yaml").read_text(encoding="utf-8")
    body = shlex.split(told[told.index("curl") :])[-1]
    assert json.loads(body) == records[0]


def test_it_leaves_what_is_there_alone_unless_forced(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(table, tmp_path) == 0
    prompt = tmp_path / "use_cases" / "fires" / "prompt.md"
    prompt.write_text("mine", encoding="utf-8")
    assert new(table, tmp_path) == 1
    assert "is already there; --force replaces it" in capsys.readouterr().err
    assert prompt.read_text(encoding="utf-8") == "mine"
    assert new(table, tmp_path, "--force") == 0
    assert prompt.read_text(encoding="utf-8") != "mine"
    assert [each.name for each in (tmp_path / "use_cases").iterdir()] == ["fires"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--drop", "colour"), "cannot drop 'colour'; the columns are: größe, text: what?"),
        (("--rows", "split=train"), "no column 'split'; expected COLUMN=VALUE"),
        (("--rows", "y=maybe"), "no row has that value; the column holds no, yes"),
        (("--task", "clustering"), "expected classification or regression"),
        (("--task", "regression"), "no numbers, such as 'no'"),
    ],
)
def test_a_failed_new_leaves_nothing(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    assert new(table, tmp_path, *arguments) == 1
    told = capsys.readouterr().err
    assert expected in told
    assert "Traceback" not in told
    assert [each.name for each in tmp_path.iterdir()] == ["table.csv"]


def test_names_that_cannot_be(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new(table, tmp_path, name="My Fires!") == 1
    assert "lower-case letters, digits and _, such as my_fires" in capsys.readouterr().err
    assert new(table, tmp_path, name="../fires") == 1


def test_only_the_rows_asked_for(tmp_path: Path) -> None:
    rows = [(f"text number {n} of many words", "ab"[n % 2], "test" if n >= 40 else "train") for n in range(60)]
    pd.DataFrame(rows, columns=["text", "y", "split"]).to_parquet(tmp_path / "t.parquet")
    assert new(tmp_path / "t.parquet", tmp_path, "--rows", "split=train") == 0
    assert len(pd.read_parquet(tmp_path / "use_cases" / "fires" / "data.parquet")) == 40


def test_a_regression_estimates(tmp_path: Path) -> None:
    pd.DataFrame({"x": range(60), "y": [n / 7 for n in range(60)]}).to_csv(tmp_path / "t.csv", index=False)
    assert new(tmp_path / "t.csv", tmp_path) == 0
    use_case = load_use_case(tmp_path / "use_cases" / "fires")
    assert use_case.target.kind == "regression"
    assert use_case.decision.model_dump()["action"] == "ESTIMATE"


NASTY = [
    "plain", "yes", "NULL", "~", "1e3", "0x1F", "- item", "a: b", "# no comment", "tab\there", 'quo"te', "back\\slash",
    "emoji 😀", "\u2028line", "\x7f\x85", "{flow}", "&anchor", "*alias", "!tag", "%dir", "@at", "`tick`", "ünï",
    "'single'", "trailing:", "<<", "=", "2024-01-05", "12:30", "null", "true", "\ufeffbom",
]  # fmt: skip


def test_any_label_and_any_column_name_survive_the_yaml(tmp_path: Path) -> None:
    labels = [f"{word} x" if word in ("NULL", "null") else word for word in NASTY]
    frame = pd.DataFrame({word: [f"some words {n} here now" for n in range(96)] for word in NASTY})
    frame["y"] = labels * 3
    frame.to_parquet(tmp_path / "t.parquet")
    assert new(tmp_path / "t.parquet", tmp_path) == 0
    use_case = load_use_case(tmp_path / "use_cases" / "fires")
    squeezed = [" ".join(word.split()) for word in NASTY]
    assert list(use_case.fields) == squeezed
    assert sorted(use_case.target.classes) == sorted(" ".join(label.split()) for label in labels)


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real data is not beside the project")
@pytest.mark.parametrize(
    ("file", "target", "fields"),
    [
        ("it_service_tickets/tickets.parquet", "label", 1),
        ("banking77/banking77.parquet", "label", 1),
        ("polish_bankruptcy/year1.parquet", "bankrupt", 64),
    ],
)
def test_real_tables_become_use_cases(
    tmp_path: Path, file: str, target: str, fields: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(DATA / file, tmp_path, target=target) == 0
    use_case = load_use_case(tmp_path / "use_cases" / "fires")
    assert len(use_case.fields) == fields
    table = pd.read_parquet(tmp_path / "use_cases" / "fires" / "data.parquet")
    sample = json.loads(table.drop(columns=target).head(500).to_json(orient="records", double_precision=15))
    assert len(validate(use_case.fields, sample)) == 500
    assert re.search(r"curl -s http://127\.0\.0\.1:8000/api/v1/predict/fires", capsys.readouterr().out)
