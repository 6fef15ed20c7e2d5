from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from random import Random

import pandas as pd
import pytest
import yaml

from pipelines.demo.phrases import SLOT, read_phrases, spoken
from pipelines.demo.tickets import (
    CATEGORIES,
    COLUMNS,
    NEIGHBOURS,
    annotate,
    make_tickets,
    recorded_csv,
    tickets_csv,
)
from pipelines.demo.untidy import mistyped, slangy
from serve_app.adapters.config_files import load_use_case
from serve_app.core.answers import Verdict
from serve_app.core.decision import decide
from serve_app.core.prompt import render
from serve_app.core.schema import validate, validate_one
from serve_app.core.use_case import Classification, UseCase

FOLDER = Path(__file__).parents[2] / "configs" / "use_cases" / "it_tickets"


@pytest.fixture(scope="module")
def tickets():
    return make_tickets()


@pytest.fixture(scope="module")
def table(tickets):
    return pd.read_csv(io.StringIO(tickets_csv(tickets)), dtype=str, keep_default_na=False)


def test_the_committed_files_are_what_the_seed_gives(tickets):
    assert (FOLDER / "tickets.csv").read_bytes() == tickets_csv(tickets).encode()
    assert (FOLDER / "recorded_llm.csv").read_bytes() == recorded_csv(tickets).encode()


def test_another_seed_gives_other_tickets(tickets):
    assert tickets_csv(make_tickets(50, seed=1)) != tickets_csv(tickets[:50])


def test_rows_are_many_distinct_and_of_every_category(table):
    assert tuple(table.columns) == COLUMNS
    assert len(table) >= 640
    assert table["ticket_id"].is_unique
    assert not table.duplicated(["tech_raw_text", "solving"]).any()
    assert set(table["category"]) == set(CATEGORIES)
    assert table["category"].value_counts().min() >= 60


def test_about_a_quarter_has_no_solving_note(table):
    assert 0.18 <= (table["solving"] == "").mean() <= 0.32


def test_texts_are_untidy(table):
    text = table["tech_raw_text"]
    assert text.str.contains(r"\b(?:gk|gak|udh|blm|tlg|yg|pls|thx)\b").mean() > 0.2
    assert text.str.contains("\n").mean() > 0.2
    assert text.str.contains(r"\b[A-Z]{4,} [A-Z]{3,}").any()
    assert text.str.contains(r"^(?:From:|Fwd:|-----Forwarded)").any()


def test_nothing_is_left_unfilled(table):
    for column in ("tech_raw_text", "solving"):
        assert not table[column].str.contains(r"\{[^{}]*\}|<(?:" + "|".join(_slots()) + ")>").any()


def _slots() -> set[str]:
    return {slot for name in CATEGORIES for line in read_phrases(name).problems for slot in SLOT.findall(line)}


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_category_has_a_large_body_of_its_own(category):
    phrases = read_phrases(category)
    assert len(set(phrases.problems)) >= 45
    assert len(set(phrases.solving)) >= 10
    assert NEIGHBOURS[category]
    assert category not in NEIGHBOURS[category]


def test_the_simulated_annotator_errs_where_tickets_are_unclear(tickets):
    labels = annotate(tickets)
    right = [label == ticket.category for label, ticket in zip(labels, tickets, strict=True)]
    clear = [good for good, ticket in zip(right, tickets, strict=True) if not (ticket.second or ticket.vague)]
    unclear = [good for good, ticket in zip(right, tickets, strict=True) if ticket.second or ticket.vague]
    assert 0.86 <= sum(right) / len(right) <= 0.94
    assert sum(unclear) / len(unclear) < sum(clear) / len(clear) - 0.08


def test_noise_changes_words_and_no_more():
    assert mistyped(Random(0), "printer di lantai tiga", 0.0) == "printer di lantai tiga"
    assert slangy(Random(0), "tidak bisa", 0.0) == "tidak bisa"
    assert mistyped(Random(0), "printer", 1.0) != "printer"
    assert slangy(Random(0), "yang", 1.0) == "yg"


def test_choices_and_details_are_filled_in():
    assert spoken(Random(0), "{a|a} <asset>").startswith("a ")


def test_the_use_case_is_what_its_files_say(table):
    use_case = load_use_case(FOLDER)
    assert isinstance(use_case.target, Classification)
    assert use_case.target.classes == CATEGORIES
    assert UseCase.model_validate(yaml.safe_load((FOLDER / "use_case.yaml").read_text())) == use_case
    rows = validate(use_case.fields, table[list(use_case.fields)].to_dict("records"))
    assert len(rows) == len(table)
    assert [route.path for route in use_case.routes] == ["/predict", "/api/predict"]


def test_the_seeds_own_request_is_valid_and_every_class_has_a_queue():
    use_case = load_use_case(FOLDER)
    row = validate_one(use_case.fields, {"tech_raw_text": "tidak bisa login ke MIT", "solving": "Reset password"})
    queues = {decide(use_case.decision, Verdict("student", name, 0.9), row.record(0)).target for name in CATEGORIES}
    assert len(queues) == len(CATEGORIES)
    assert "network-team" in queues


def test_the_prompt_names_every_class():
    text = render((FOLDER / "prompt.md").read_text(encoding="utf-8"), load_use_case(FOLDER))
    assert Counter(name in text for name in CATEGORIES) == {True: len(CATEGORIES)}
    assert "{classes}" not in text


def test_recorded_answers_are_named_as_simulated():
    recorded = next(each for each in load_use_case(FOLDER).teacher.providers if each.kind == "recorded")
    assert "simulated" in recorded.model
