"""The faults that ``make test`` has no time for, in their short form: each of them takes an Understudy of its own and a
minute or more. ``CHAOS=1`` asks for them; with figures, and as long as they are to be, they are ``make chaos``."""

from __future__ import annotations

import os

import pytest

from tests.fakes.running import haproxy
from tests.reliability.chaos.__main__ import ALL, every
from tests.reliability.chaos.grounds import Grounds

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not haproxy(), reason="HAProxy is not there, or not wanted"),
    pytest.mark.skipif(not os.environ.get("CHAOS"), reason="CHAOS=1 asks for it: a minute or more"),
]

AT_ANY_TIME = {"model", "ingress", "proxy", "teacher", "deploy-unbuildable", "sigterm"}
"""In ``test_faults.py``."""


@pytest.mark.parametrize("fault", sorted(set(ALL) - AT_ANY_TIME))
def test_it_holds(fault: str) -> None:
    for found in every(Grounds(short=True), [fault], lambda name, findings: None):
        assert found.held, f"{found.fault}: {found.must}: {found.measured}"
