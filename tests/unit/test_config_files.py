"""Use case folders: what is read, how it is refused, and how the catalogue follows the disk."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve_app.adapters.config_files import load_use_case, load_use_cases
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.errors import BadConfig, UnknownUseCase

TICKETS = """\
name: tickets
title: Tickets
fields:
  text: {kind: text}
  opened: {kind: date, required: false, minimum: 2024-01-05}
  urgency: {kind: numeric, required: false}
target: {kind: classification, column: label, classes: [yes, no, other]}
student: {kind: lightgbm}
cascade: {kind: fixed, threshold: 0.7}
decision: {kind: route, targets: {no: nobody}}
routes:
  - {kind: predict, path: /tickets}
"""

PRICES = """\
name: tickets
title: Prices
fields:
  item: {kind: categorical}
  market_price: {kind: numeric, purpose: decision}
target: {kind: regression, column: price}
student: {kind: lightgbm}
cascade: {kind: fixed}
decision: {kind: price_signal}
"""


def write(home: Path, name: str = "tickets", text: str = TICKETS, prompt: str | None = "Choose: {classes}") -> Path:
    folder = home / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "use_case.yaml").write_text(text.replace("name: tickets", f"name: {name}"), encoding="utf-8")
    if prompt is not None:
        (folder / "prompt.md").write_text(prompt, encoding="utf-8")
    return folder


def edited(change: Callable[[dict[str, Any]], Any], text: str = TICKETS) -> str:
    data = yaml.load(text, yaml.BaseLoader)
    change(data)
    return yaml.safe_dump(data)


def refused(tmp_path: Path, text: str, **more: Any) -> str:
    with pytest.raises(BadConfig) as caught:
        load_use_case(write(tmp_path, text=text, **more))
    return str(caught.value)


def test_words_that_yaml_1_1_mistakes_stay_what_they_are(tmp_path: Path) -> None:
    use_case = load_use_case(write(tmp_path))
    assert use_case.target.classes == ("yes", "no", "other")
    assert use_case.fields["opened"].minimum == "2024-01-05"
    assert use_case.decision.targets == {"no": "nobody"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "threshold: 0.7",
            "treshold: 0.7",
            "use_case.yaml:9: cascade.treshold: unknown key `treshold`: did you mean `threshold`?",
        ),
        (
            "kind: route",
            "kind: rout",
            "decision.kind: unknown value 'rout': did you mean `route`? (expected one of route, label",
        ),
        ("kind: text}", "kind: txt}", "use_case.yaml:4: fields.text.kind: unknown value 'txt': did you mean `text`?"),
        (
            "{kind: text}",
            "{required: true}",
            "fields.text: the key `kind` is missing; expected one of numeric, categorical",
        ),
        (
            "kind: text}",
            "kind: text, max_lenght: 3}",
            "fields.text.max_lenght: unknown key `max_lenght`: did you mean `max_length`?",
        ),
        ("threshold: 0.7", "threshold: 7", "cascade.threshold: 7; expected a number of at most 1"),
        ("threshold: 0.7", "threshold: true", "cascade.threshold: true; expected a number"),
        ("threshold: 0.7", "threshold: '0.7'", "cascade.threshold: '0.7'; expected a number"),
        (
            "kind: fixed",
            "kind: fixed, arbitration: teacher_win",
            "unknown value 'teacher_win': did you mean `teacher_wins`?",
        ),
        ("[yes, no, other]", "[0, 1]", 'target.classes[0]: 0; expected text; put it in quotes: "0"'),
        ("required: false, minimum", "required: no, minimum", "fields.opened.required: 'no'; expected true or false"),
        ("title: Tickets", "", "title: missing; this key must be given"),
        ("/tickets", "tickets", "routes[0].path: 'tickets'; expected text of the form"),
        (
            "targets: {no: nobody}",
            "targets: {on: nobody}",
            "decision.targets.on: 'on' is not a class of the target; known are: yes, no, other",
        ),
        (
            "threshold: 0.7",
            "per_class: {othr: 0.5}",
            "cascade.per_class.othr: 'othr' is not a class of the target: did you mean `other`?",
        ),
        ("threshold: 0.7", "defer_when_wider_than: 1", "cascade.defer_when_wider_than: 1.0 is for a regression"),
        ("column: label", "column: text", "target.column: 'text' is also a field"),
        (
            "kind: route, targets: {no: nobody}",
            "kind: price_signal",
            "price_signal compares numbers; expected a target of kind regression",
        ),
        (
            "kind: route, targets: {no: nobody}",
            "kind: score_bands, bands: [{action: A, at_least: 0.5}]",
            "`target.positive`",
        ),
        ("/tickets", "/api/v1/predict/tickets", "belongs to the built-in API (/api/v1)"),
        ("/tickets", "/health", "belongs to the built-in API (/health)"),
        (
            "routes:",
            "retraining: {schedule: 61 * * * *}\nroutes:",
            "minute is '61'; expected *, a value, a range or a step within 0-59",
        ),
        ("routes:", "retraining: {schedule: daily}\nroutes:", "1 parts; expected five"),
        ("routes:", "retraining: {schedule: 0 0 30 2 *}\nroutes:", "no day is like that"),
        ("routes:", "scoring: {path: a.csv, schedule: 0 25 * * *}\nroutes:", "hour is '25'"),
        (
            "routes:",
            "retraining: {timezone: Asia/Jakrta}\nroutes:",
            "'Asia/Jakrta' is not a time zone: did you mean `Asia/Jakarta`?",
        ),
        (
            "routes:",
            "labelled: {file: promt.md}\nroutes:",
            "labelled.file: 'promt.md' does not exist: did you mean `prompt.md`?",
        ),
        (
            "routes:",
            "teacher: {providers: [{kind: recorded, file: prompt.md, key: [txt]}]}\nroutes:",
            "key[0]: 'txt' is not a field: did you mean `text`?",
        ),
        (
            "urgency: {kind: numeric",
            "urgency: {kind: numeric, minimum: 3, maximum: 1",
            "fields.urgency.minimum: 3.0 is above the maximum, 1.0",
        ),
    ],
)
def test_an_error_names_file_line_key_value_and_what_was_expected(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in TICKETS
    assert expected in refused(tmp_path, TICKETS.replace(old, new, 1))


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    text = TICKETS.replace("threshold", "treshold").replace("kind: route", "kind: rout").replace("title", "titel")
    told = refused(tmp_path, text).splitlines()
    assert len(told) == 4
    assert all(line.startswith(f"{tmp_path}/tickets/use_case.yaml") for line in told)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: a\nname: b\n", "use_case.yaml:2: the key `name` stands here twice (first in line 1)"),
        ("fields:\n  a: {kind: text, kind: date}\n", "use_case.yaml:2: the key `kind` stands here twice"),
        ("name: a\nfields: [\n", "use_case.yaml:3:1: not valid YAML"),
        ("a: b: c\n", "use_case.yaml:1:5: not valid YAML"),
        ("", "use_case.yaml: empty; expected keys such as name"),
        ("- a\n", "not a mapping of keys"),
        ("a: !!python/object:os.system {}\n", "not valid YAML"),
        ("a: &a [*a]\nname: x", "Circular reference detected; expected only text"),
        ("a: !!binary aGk=", "expected only text, numbers, lists and mappings"),
    ],
)
def test_text_that_is_no_usable_yaml(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in refused(tmp_path, text)


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "use_case.yaml").write_bytes("title: Café".encode("latin-1"))
    with pytest.raises(BadConfig, match="not UTF-8 text"):
        load_use_case(folder)


def test_folder_and_name_agree(tmp_path: Path) -> None:
    folder = write(tmp_path)
    folder.rename(tmp_path / "other")
    with pytest.raises(BadConfig, match="name: 'tickets'; expected 'other', the name of its folder"):
        load_use_case(tmp_path / "other")


def test_a_prompt_that_cannot_be_read_is_told_like_any_misfit(tmp_path: Path) -> None:
    folder = write(tmp_path, prompt=None)
    (folder / "prompt.md").symlink_to("/proc/self/mem")  # a file whose first byte nobody may read
    with pytest.raises(BadConfig, match=r"teacher\.prompt: cannot be read"):
        load_use_case(folder)


def test_the_prompt_is_there_and_fills(tmp_path: Path) -> None:
    assert "teacher.prompt: 'prompt.md' does not exist" in refused(tmp_path, TICKETS, prompt=None)
    assert "unknown placeholder {clases}" in refused(tmp_path, TICKETS, prompt="{clases}")


def test_a_regression_and_its_laws(tmp_path: Path) -> None:
    load_use_case(write(tmp_path, text=PRICES, prompt="One number."))
    wrong = PRICES.replace("column: price", "column: price, relative_to: lst").replace("market_price:", "marked_price:")
    told = refused(tmp_path, wrong, prompt="One number.")
    assert "target.relative_to: 'lst' is not a numeric feature" in told
    assert "decision.market: 'market_price' is not a numeric field: did you mean `marked_price`?" in told
    labelled = PRICES.replace("kind: price_signal", "kind: label")
    assert "label needs classes" in refused(tmp_path, labelled, prompt="One number.")


def test_all_use_cases_and_all_their_problems(tmp_path: Path) -> None:
    write(tmp_path, "a", TICKETS.replace("/tickets", "/a"))
    write(tmp_path, "_notes", "nothing")
    assert list(load_use_cases(tmp_path)) == ["a"]
    write(tmp_path, "b", TICKETS.replace("/tickets", "/a"))
    write(tmp_path, "c", TICKETS.replace("title", "titel"))
    with pytest.raises(BadConfig) as caught:
        load_use_cases(tmp_path)
    assert "b/use_case.yaml:12: routes[0].path: '/a' is already a path of the use case a" in str(caught.value)
    assert "c/use_case.yaml" in str(caught.value)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def distinct(name: str) -> str:
    return TICKETS.replace("/tickets", f"/{name}")


def test_the_catalogue_follows_the_disk_without_a_restart(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path, "a", distinct("a"))
    catalogue = UseCaseFolder(tmp_path, clock=clock)
    assert catalogue.names() == ("a",)
    write(tmp_path, "b", distinct("b"))
    assert catalogue.names() == ("a",)
    clock.now = 2.0
    assert catalogue.names() == ("a", "b")
    assert catalogue.folder("b") == tmp_path / "b"
    shutil.rmtree(tmp_path / "a")
    clock.now = 4.0
    assert catalogue.names() == ("b",)


def test_a_broken_newcomer_is_told_and_the_others_go_on(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path, "a", distinct("a"))
    write(tmp_path, "b", "name: [")
    catalogue = UseCaseFolder(tmp_path, clock=clock)
    assert catalogue.names() == ("a",)
    assert "not valid YAML" in catalogue.problems()["b"]
    with pytest.raises(UnknownUseCase, match="it is configured, but cannot be used"):
        catalogue.get("b")
    write(tmp_path, "b", distinct("b"))
    clock.now = 2.0
    assert catalogue.names() == ("a", "b")
    assert catalogue.problems() == {}


def test_a_good_use_case_keeps_its_last_good_version(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path, "a", distinct("a"))
    catalogue = UseCaseFolder(tmp_path, clock=clock)
    before = catalogue.get("a")
    write(tmp_path, "a", distinct("a").replace("title: Tickets", "title: [broken"))
    clock.now = 2.0
    assert catalogue.get("a") is before
    assert "a" in catalogue.problems()
    write(tmp_path, "a", distinct("a").replace("title: Tickets", "title: Mended"))
    clock.now = 4.0
    assert catalogue.get("a").title == "Mended"
    assert catalogue.problems() == {}


def test_a_newcomer_cannot_take_a_route_that_is_served(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path, "m", distinct("same"))
    catalogue = UseCaseFolder(tmp_path, clock=clock)
    assert catalogue.names() == ("m",)
    write(tmp_path, "a", distinct("same"))
    clock.now = 2.0
    assert catalogue.names() == ("m",)
    assert "already a path of the use case m" in catalogue.problems()["a"]


def test_only_what_changed_is_read_again(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path, "a", distinct("a"))
    catalogue = UseCaseFolder(tmp_path, clock=clock)
    before = catalogue.get("a")
    write(tmp_path, "b", distinct("b"))
    clock.now = 2.0
    assert catalogue.names() == ("a", "b")
    assert catalogue.get("a") is before


def test_a_folder_that_is_away_for_a_moment_loses_nothing(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path / "home", "a", distinct("a"))
    catalogue = UseCaseFolder(tmp_path / "home", clock=clock)
    assert catalogue.names() == ("a",)
    (tmp_path / "home").rename(tmp_path / "away")
    clock.now = 2.0
    assert catalogue.names() == ("a",)
    assert "no such folder" in catalogue.problems()["home"]


def test_a_near_miss_is_suggested(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(UnknownUseCase, match="no use case `tikets`: did you mean `tickets`"):
        UseCaseFolder(tmp_path).get("tikets")


def test_it_travels_as_its_path(tmp_path: Path) -> None:
    catalogue = UseCaseFolder(tmp_path, refresh_s=9.0)
    write(tmp_path)
    sent = pickle.dumps(catalogue)
    assert len(sent) < 1000
    assert pickle.loads(sent).names() == ("tickets",)
