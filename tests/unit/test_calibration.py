from __future__ import annotations

import numpy as np
import pytest

from pipelines.calibrate import FITS, calibrate, prior
from serve_app.core.calibration import calibration_error, log_loss, softmax


def overconfident(rows: int = 4_000, classes: int = 4, heat: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are ``heat`` times too large, and labels drawn from what they should have been."""
    rng = np.random.default_rng(5)
    honest = rng.normal(size=(rows, classes)) * 1.5
    chances = softmax(honest)
    labels = (chances.cumsum(axis=1) > rng.random((rows, 1))).argmax(axis=1)
    return honest * heat, labels


@pytest.mark.parametrize("method", ["temperature", "vector", "isotonic"])
def test_a_fitted_calibration_mends_overconfidence_on_new_rows(method: str) -> None:
    scores, labels = overconfident()
    fitted = FITS[method](scores[:2000], labels[:2000])
    before, after = softmax(scores[2000:]), fitted.apply(scores[2000:])
    assert calibration_error(before, labels[2000:]) > 0.15
    assert calibration_error(after, labels[2000:]) < 0.05
    assert log_loss(after, labels[2000:]) < log_loss(before, labels[2000:])


def test_temperature_finds_the_heat() -> None:
    assert FITS["temperature"](*overconfident(heat=3.0)).scale == pytest.approx(1 / 3, rel=0.1)


def test_auto_takes_the_least_held_out_loss() -> None:
    scores, labels = overconfident()
    fitted, losses = calibrate(scores, labels, np.arange(len(labels)) % 5, "auto")
    assert losses[fitted.method] == min(losses.values())
    assert losses["temperature"] < losses["none"]


@pytest.mark.parametrize("classes", [2, 3, 8, 77])
@pytest.mark.parametrize("method", list(FITS))
def test_a_row_has_the_same_bits_alone_and_in_a_batch(method: str, classes: int) -> None:
    scores, labels = overconfident(rows=400, classes=classes)
    fitted = FITS[method](scores, labels)
    batch = fitted.apply(scores)
    alone = np.concatenate([fitted.apply(scores[i : i + 1]) for i in range(len(scores))])
    assert (batch.view(np.int64) == alone.view(np.int64)).all()
    assert (fitted.apply(scores[3:30]).view(np.int64) == batch[3:30].view(np.int64)).all()
    np.testing.assert_allclose(batch.sum(axis=1), 1)


def test_calibration_error_of_a_known_case() -> None:
    certain = np.array([[1.0, 0.0]] * 4)
    assert calibration_error(certain, np.array([0, 0, 0, 0])) == 0
    assert calibration_error(certain, np.array([0, 0, 0, 1])) == pytest.approx(0.25)
    mixed = np.array([[0.9, 0.1]] * 5 + [[0.4, 0.6]] * 5)
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 1, 0, 0])
    assert calibration_error(mixed, truth) == pytest.approx(0.5 * 0.1 + 0.5 * 0.0)


def test_a_prior_of_one_score_is_that_of_the_second_class() -> None:
    rng = np.random.default_rng(1)
    margin = rng.normal(size=(3000, 1))
    truth = (rng.random(3000) < 1 / (1 + np.exp(-(2 * margin[:, 0] - 1)))).astype(np.intp)
    fitted = prior(margin, truth)
    assert fitted.scale == pytest.approx(2, abs=0.25)
    assert fitted.shift[0] == pytest.approx(-1, abs=0.2)
