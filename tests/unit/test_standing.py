"""How a certificate stands: an override goes before a withdrawal, a withdrawal before the certificate."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from serve_app.core.certificate import Certificate, ClassCertificate
from serve_app.core.standing import NEVER, Override, Standing, Withdrawn, in_force

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER, BEFORE = (NOW + timedelta(hours=1)).isoformat(), (NOW - timedelta(hours=1)).isoformat()
CLASSES = ("red", "green", "blue", "grey")
CERTIFICATE = Certificate(
    0.95, "teacher", 0.05, 1, 0.03, 900,
    {
        "red": ClassCertificate(0.7, 300, 4, 0.04),
        "green": ClassCertificate(0.8, 300, 5, 0.05),
        "blue": ClassCertificate(None, 3, 1, None, 4000),
    },
)  # fmt: skip
OVERRIDE = Override("kim", "the audit was wrong", LATER, classes={"green": 0.5})


def test_the_certificate_holds_and_what_it_does_not_name_is_deferred() -> None:
    force = in_force(CERTIFICATE, Standing("3"), CLASSES, NOW)
    assert force.thresholds.tolist() == [0.7, 0.8, NEVER, NEVER]
    assert force.states == ("certified", "certified", "not_certified", "not_certified")
    assert force.told(0) == {"state": "certified", "threshold": 0.7}
    assert force.told(2) == {"state": "not_certified", "threshold": None}


def test_without_a_certificate_nothing_is_certified() -> None:
    force = in_force(None, Standing("3"), CLASSES, NOW)
    assert force.thresholds.tolist() == [NEVER] * 4
    assert set(force.states) == {"not_certified"}


def test_what_was_withdrawn_is_deferred() -> None:
    standing = Standing("3", {"red": Withdrawn(BEFORE, 200, 30)})
    force = in_force(CERTIFICATE, standing, CLASSES, NOW)
    assert force.thresholds.tolist() == [NEVER, 0.8, NEVER, NEVER]
    assert force.states[0] == "withdrawn"


def test_an_override_goes_before_all_else_and_says_whose_it_is() -> None:
    standing = Standing("3", {"red": Withdrawn(BEFORE, 200, 30), "green": Withdrawn(BEFORE, 200, 30)}, OVERRIDE)
    force = in_force(CERTIFICATE, standing, CLASSES, NOW)
    assert force.thresholds.tolist() == [NEVER, 0.5, NEVER, NEVER]
    assert force.states == ("withdrawn", "override", "not_certified", "not_certified")
    assert force.told(1) == {
        "state": "override", "threshold": 0.5, "by": "kim", "reason": "the audit was wrong", "until": LATER,
    }  # fmt: skip
    assert "by" not in force.told(0)


def test_an_override_of_every_class_ends() -> None:
    everything = replace(OVERRIDE, threshold=0.6)
    assert in_force(CERTIFICATE, Standing("3", {}, everything), CLASSES, NOW).thresholds.tolist() == [
        0.6,
        0.5,
        0.6,
        0.6,
    ]
    over = replace(everything, until=BEFORE)
    assert in_force(CERTIFICATE, Standing("3", {}, over), CLASSES, NOW).thresholds.tolist() == [0.7, 0.8, NEVER, NEVER]


def test_a_standing_is_of_one_version() -> None:
    standing = Standing("3", {"red": Withdrawn(BEFORE, 200, 30)}, OVERRIDE)
    assert standing.of("3") is standing
    assert standing.of("4") == Standing("4")


def test_both_come_back_from_json() -> None:
    standing = Standing("3", {"red": Withdrawn(BEFORE, 200, 30)}, OVERRIDE)
    assert Standing.from_dict(json.loads(json.dumps(standing.as_dict()))) == standing
    assert Certificate.from_json(CERTIFICATE.as_json()) == CERTIFICATE
