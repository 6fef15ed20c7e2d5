"""``understudy new`` on a table of real reviews: trained, served and right on rows that it never saw."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.fakes.running import Running

pytestmark = [pytest.mark.cluster, pytest.mark.real_data]

LEAST_ACCURACY = 0.70


def test_a_new_use_case_is_right_on_rows_it_never_saw(understudy: Running, real_data: Path) -> None:
    table = real_data / "nusax_id" / "nusax_id.parquet"
    made = understudy.command(
        "new", "nusax_id", "--from", str(table), "--target", "label", "--drop", "split", "--rows", "split=train"
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert f"{understudy.url}/api/v1/predict/nusax_id" in made.stdout
    test = pd.read_parquet(table).query("split == 'test'")
    body = {"instances": [{"text": text} for text in test["text"]]}
    with understudy.client() as client:
        answers = client.post("/api/v1/predict/nusax_id/batch", json=body).json()["predictions"]
    assert len(answers) == len(test) == 400
    right = sum(a["prediction"]["label"] == label for a, label in zip(answers, test["label"], strict=True))
    assert right / len(test) >= LEAST_ACCURACY
