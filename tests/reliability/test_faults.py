"""Faults under load against a real Ray, in their short form: the long ones, with figures, are ``make chaos``.

One Understudy for all of them, with two replicas of ingress and student and an LLM of ours; the last ends it.
What else is killed: ``test_kill.py``; what goes wrong with artefacts and jobs: the others here."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.fakes.running import haproxy
from tests.reliability.chaos import deploys, kills, stops, teacher
from tests.reliability.chaos.grounds import SMALL, Asking, Finding, Grounds, with_an_llm
from tests.reliability.test_callers import WITHIN_S, Leaving, until

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not haproxy(), reason="HAProxy is not there, or not wanted"),
    pytest.mark.flaky(reruns=0),  # what is left of a fault would be taken for the next
]

SHORT = Grounds(short=True)


@pytest.fixture(scope="module")
def asking() -> Iterator[Asking]:
    with with_an_llm() as asking:
        yield asking


FEW = 8
"""Failures, of some hundred requests on a machine that may be busy with other things: what was in flight in the one
that died. ``make chaos`` counts thousands, and holds them to the figures."""

IN_FLIGHT = {"IncompleteReadError", "ConnectionResetError"}


def held(finding: Finding) -> None:
    assert finding.held, f"{finding.must}: {finding.measured}"


def survived(finding: Finding) -> None:
    figures = finding.figures
    assert sum(figures["failures"].values()) <= FEW, finding.measured
    assert figures["lost"] == 0, finding.measured


def test_a_model_replica_dies_and_nobody_notices(asking: Asking) -> None:
    found = kills.model(SHORT, asking.started)
    survived(found)
    assert found.figures["without_retry_after"] == 0, found.measured


def test_an_ingress_replica_dies(asking: Asking) -> None:
    survived(kills.ingress(SHORT, asking.started))


def test_haproxy_dies_and_nobody_is_refused(asking: Asking) -> None:
    found = kills.proxy(SHORT, asking.started)
    assert set(found.figures["failures"]) <= IN_FLIGHT, found.measured
    survived(found)


def test_who_leaves_ends_the_call_to_the_llm(asking: Asking) -> None:
    asking.llm.behaviour = "hang"
    asked, dropped = len(asking.llm.calls), asking.llm.dropped
    with Leaving(asking.started.url, f"/api/v1/predict/{SMALL}", json.dumps(asking.unsure).encode()):
        until(lambda: len(asking.llm.calls) > asked)
        assert asking.llm.dropped == dropped
    assert until(lambda: asking.llm.dropped > dropped) < WITHIN_S
    asking.llm.behaviour = "good"


def test_an_llm_that_misbehaves_degrades_answers_and_opens_the_breaker(asking: Asking) -> None:
    held(teacher.every_fault(SHORT, asking))


def test_a_deploy_that_cannot_be_built_leaves_the_old_serving(asking: Asking) -> None:
    held(deploys.bad_build(SHORT, asking))


def test_sigterm_answers_what_is_in_flight_and_lets_nobody_in(asking: Asking) -> None:
    held(stops.sigterm(SHORT, asking))
