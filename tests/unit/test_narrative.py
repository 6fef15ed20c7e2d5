"""An explanation in words: only what the facts hold."""

from __future__ import annotations

from typing import Any

import pytest

from serve_app.core.narrative import KNOWN, facts, fill, unknown_names

RATE = {"feature": "on_time_rate", "value": 0.4217, "contribution": 1.234}
TEXT = {"feature": "contract", "value": "a long text", "contribution": -0.5, "terms": ["penalty", "delay"]}
REGION = {"feature": "region", "value": None, "contribution": -0.004}
EVERY = "{label} {score} {confidence} {value} {action}: {contributions}"


def answer(**prediction: Any) -> dict[str, Any]:
    return {"prediction": prediction, "decision": {"action": "ALERT", "target": "desk"}, "student": {"label": "no"}}


def test_facts_are_the_verdict_the_action_and_what_moved_it_most() -> None:
    found = facts(answer(label="yes", confidence=0.8, score=0.8), [RATE, TEXT, REGION, RATE])
    assert found == {
        "label": "yes", "confidence": 0.8, "score": 0.8, "action": "ALERT", "contributions": [RATE, TEXT, REGION]
    }  # fmt: skip


def test_what_nobody_knows_is_no_fact() -> None:
    assert facts(answer(label=None, confidence=None), []) == {"action": "ALERT", "contributions": []}
    assert facts(answer(value=3.0, interval=[1, 5]), [], top=0) == {
        "value": 3.0, "action": "ALERT", "contributions": []
    }  # fmt: skip


def test_a_value_of_nought_is_known() -> None:
    assert facts(answer(value=0.0, score=0.0), [])["value"] == 0.0
    assert fill("{value}", facts(answer(value=0.0), [])) == "0.00"


def test_the_template_names_each_contribution_with_its_value_and_its_way() -> None:
    known = facts(answer(label="yes", confidence=0.81, score=0.81), [RATE, TEXT, REGION])
    assert fill("{label} at {score}, {action}: {contributions}.", known) == (
        "yes at 0.81, ALERT: on_time_rate (0.42) raises it by 1.23, "
        "contract (“penalty, delay”) lowers it by 0.50, region (n/a) lowers it by 0.00."
    )


def test_what_is_not_known_reads_so() -> None:
    known = facts(answer(label=None), [])
    assert fill(EVERY, known) == "n/a n/a n/a n/a ALERT: nothing in particular"


def test_a_text_of_the_row_is_not_a_template() -> None:
    nasty = {"feature": "rope", "value": "{label} {0.__class__}", "contribution": 1.0}
    assert "{label} {0.__class__}" in fill("{contributions}", facts(answer(label="yes"), [nasty]))


@pytest.mark.parametrize(
    ("template", "unknown"),
    [(EVERY, []), ("no placeholder, {{braces}}", []), ("{label} of {supplier}", ["supplier"]), ("{} {0}", ["", "0"]),
     ("{label.__class__}", ["label.__class__"]), ("{score:.3f}", [])],
)  # fmt: skip
def test_placeholders_that_no_fact_fills_are_told(template: str, unknown: list[str]) -> None:
    assert unknown_names(template) == unknown


def test_every_known_name_can_be_filled() -> None:
    assert unknown_names(EVERY) == []
    assert set(KNOWN) == {"label", "score", "confidence", "value", "action", "contributions"}
