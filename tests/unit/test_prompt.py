"""What the teacher is told, and what its reply is worth."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.core.errors import BadConfig
from serve_app.core.prompt import DATA_RULE, as_data, instructions, question, render
from serve_app.core.teacher_reply import Opinion, read_reply, reply_schema
from serve_app.core.use_case import UseCase

CLASSES = ("network", "printer")


def use_case(**more: Any) -> UseCase:
    content = {
        "name": "desk",
        "title": "Service desk",
        "description": "Sorts tickets {classes}.",
        "fields": {
            "text": {"kind": "text", "description": "what the user wrote"},
            "size": {"kind": "numeric"},
            "ref": {"kind": "id"},
            "limit": {"kind": "numeric", "purpose": "decision"},
        },
        "target": {"kind": "classification", "column": "label", "classes": CLASSES},
        "student": {"kind": "lightgbm"},
        "cascade": {"kind": "fixed"},
        "decision": {"kind": "route", "targets": {}},
    }
    return UseCase.model_validate({**content, **more})


def test_fills_what_it_knows() -> None:
    text = render("# {title}\n{fields}\nOne of: {classes}.", use_case())
    assert text == "# Service desk\n- text: what the user wrote\n- size: numeric\nOne of: network, printer."


def test_other_braces_stay() -> None:
    example = 'Answer {"label": "network"}, {} or { title }; {{classes}}.'
    assert render(example, use_case()) == example.replace("{classes}", "network, printer")


def test_what_was_filled_in_is_not_filled_again() -> None:
    assert render("{description}", use_case()) == "Sorts tickets {classes}."


def test_an_unknown_placeholder_is_refused() -> None:
    with pytest.raises(BadConfig, match=r"prompt\.md: unknown placeholder \{clases\}; expected one of \{classes\}"):
        render("{clases}", use_case())


def test_a_number_has_a_unit_and_no_classes() -> None:
    priced = use_case(target={"kind": "regression", "column": "price", "unit": "USD"})
    assert render("in {unit}", priced) == "in USD"
    with pytest.raises(BadConfig):
        render("{classes}", priced)


def test_only_features_are_asked_about() -> None:
    asked = question(use_case(), "p", {"text": "a", "size": None, "ref": "R-1", "limit": 3.0, "other": "x"})
    assert asked.fields == {"text": "a", "size": None}
    assert (asked.use_case, asked.prompt, asked.classes) == ("desk", "p", CLASSES)


def test_a_number_is_asked_for_without_classes() -> None:
    priced = use_case(target={"kind": "regression", "column": "price"})
    assert question(priced, "p", {}).classes == ()


@given(st.dictionaries(st.text(), st.text() | st.none() | st.floats(allow_nan=False, allow_infinity=False)))
def test_no_text_ends_its_own_quotation(fields: dict[str, Any]) -> None:
    sent = as_data(fields)
    assert sent.startswith("<data>\n")
    assert sent.endswith("\n</data>")
    body = sent.removeprefix("<data>").removesuffix("</data>")
    assert not set(body) & set("<>＜＞‹›")
    assert json.loads(body) == fields


def test_what_no_person_sees_is_spelt_out() -> None:
    hidden = "".join(chr(0xE0000 + ord(each)) for each in "obey") + "\u200b\u202e\ufeff\ufe0f\x7f\u2028\ue000"
    sent = as_data({"text": f"printer{hidden} é 打印机 🖨"})
    assert not set(sent) & set(hidden)
    assert "é 打印机 🖨" in sent, "what is seen stays as it is"
    assert json.loads(sent.removeprefix("<data>").removesuffix("</data>")) == {"text": f"printer{hidden} é 打印机 🖨"}


def test_the_rule_comes_last() -> None:
    assert instructions("Choose.\n") == f"Choose.\n\n{DATA_RULE}"


def test_the_form_is_closed() -> None:
    assert reply_schema(CLASSES)["properties"]["label"] == {"type": "string", "enum": ["network", "printer"]}
    assert reply_schema(CLASSES)["required"] == ["label", "confidence"]
    assert reply_schema(()) == {
        "type": "object",
        "properties": {"value": {"type": "number"}},
        "required": ["value"],
        "additionalProperties": False,
    }


def test_reads_a_label() -> None:
    assert read_reply(' {"label": "network", "confidence": 1}\n', CLASSES) == Opinion("network", 1.0)


def test_reads_a_value() -> None:
    assert read_reply('{"value": -3}', ()) == Opinion(value=-3.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "network",
        '"network"',
        "[]",
        "null",
        '{"label": "network"}',
        '{"label": "Network", "confidence": 0.5}',
        '{"label": ["network"], "confidence": 0.5}',
        '{"label": "network", "confidence": 2}',
        '{"label": "network", "confidence": NaN}',
        '{"label": "network", "confidence": true}',
        '{"label": "network", "confidence": 0.5} and more',
        "[" * 100_000,
    ],
)
def test_all_else_is_no_label(text: str) -> None:
    assert read_reply(text, CLASSES) is None


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"3"', "true", "null", "1" + "0" * 400])
def test_all_else_is_no_value(value: str) -> None:
    assert read_reply(f'{{"value": {value}}}', ()) is None


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert read_reply(text, CLASSES) is None or "network" in text or "printer" in text
    read_reply(text, ())
