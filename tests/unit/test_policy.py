"""The version of a policy: the same for the same rules, another for others."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from serve_app.core.policy import policy_version
from serve_app.core.use_case import UseCase
from tests.fakes.small_graph import RISK, TICKETS

PROMPT = "Classify.\n"


def version(prompt: str = PROMPT, **changes: Any) -> str:
    return policy_version(UseCase.model_validate({**TICKETS, **changes}), prompt)


def test_it_is_a_digest() -> None:
    assert version().startswith("sha256:")
    assert len(version()) == len("sha256:") + 64


@pytest.mark.parametrize(
    "changes",
    [
        {"cascade": {"kind": "fixed", "threshold": 0.41}},
        {"cascade": {"kind": "fixed", "threshold": 0.4, "per_class": {"access": 0.4}}},
        {"cascade": {"kind": "fixed", "threshold": 0.4, "arbitration": "student"}},
        {"decision": {"kind": "route", "targets": {"network": "others"}, "default": "service-desk"}},
        {"decision": {"kind": "label"}},
        {"teacher": {"reliability": 0.8}},
        {"teacher": {"providers": [{"kind": "gemini"}]}},
        {"prompt": PROMPT + " "},
        {"budget": {"when_short": "review"}},
    ],
    ids=str,
)
def test_another_rule_is_another_version(changes: dict[str, Any]) -> None:
    assert version(**changes) != version()


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Other tickets"},
        {"description": "Long."},
        {"routes": []},
        {"retraining": {"min_rows": 5}},
        {"student": {"kind": "lightgbm", "rounds": 7}},
        {"cascade": {"threshold": 0.4, "kind": "fixed", "arbitration": "teacher_wins"}},
        {"budget": {"per_day_usd": 5, "value": {"network": 3}}},
        {"cache": {"keep_s": 60}},
    ],
    ids=str,
)
def test_what_decides_nothing_leaves_it_as_it_was(changes: dict[str, Any]) -> None:
    assert version(**changes) == version()


def test_the_order_of_bands_is_part_of_the_rules() -> None:
    other = {**RISK, "decision": {**RISK["decision"], "bands": RISK["decision"]["bands"][:1]}}
    assert policy_version(UseCase.model_validate(RISK), "") != policy_version(UseCase.model_validate(other), "")


def test_it_is_the_same_in_every_process() -> None:
    probe = (
        "from serve_app.core.policy import policy_version; "
        "from serve_app.core.use_case import UseCase; from tests.fakes.small_graph import TICKETS; "
        f"print(policy_version(UseCase.model_validate(TICKETS), {PROMPT!r}))"
    )
    said = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, env=_other_hash())
    assert said.stdout.strip() == version()


def _other_hash() -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": os.getcwd()}
