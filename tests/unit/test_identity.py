"""Names that users may have: none that the audit log calls somebody else by."""

from __future__ import annotations

import pytest

from serve_app.core.identity import is_name
from serve_app.core.triggers import AUTOMATIC
from serve_app.deployments.config_in_force import BY


@pytest.mark.parametrize("name", ["ani", "budi.s", "Cici_2", "me@desk.example.com", "gatekeeper", "7"])
def test_a_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name", [AUTOMATIC, BY, "gate", "local", "anonymous", "Understudy", "GATE", "", "a b", "-a", "key:1", "x" * 101]
)
def test_no_name(name: str) -> None:
    assert not is_name(name)
