from __future__ import annotations

from typing import Any

import pytest

from serve_app.core.reshape import look_up, reshape

DOCUMENT: dict[str, Any] = {
    "answer": {"prediction": {"value": 3.0, "interval": [1.0, 5.0]}},
    "decision": {"action": "BUY"},
}


def test_fields_come_in_the_order_of_the_shape() -> None:
    shaped = reshape({"signal": "decision.action", "low": "answer.prediction.interval.0"}, DOCUMENT, "answer")
    assert list(shaped.items()) == [("signal", "BUY"), ("low", 1.0)]


def test_an_empty_shape_is_the_whole_part() -> None:
    assert reshape({}, DOCUMENT, "decision") == {"action": "BUY"}


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "answer.nothing.more",
        "answer.prediction.interval.2",
        "answer.prediction.value.0",
        "decision.action.0",
    ],
)
def test_a_path_that_leads_nowhere_is_null(path: str) -> None:
    assert look_up(DOCUMENT, path) is None
