"""The loop closes: the LLM answers, the student learns from its answers and takes over, by itself.

A use case without a single labelled row, a stream of real texts, recorded answers of a real LLM. Retrains
start by the count of new labels, the gate judges their students on rows that people labelled, and the
swaps happen under the stream.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.loop import banking77, per_thousand, play, retrains, write_use_case
from tests.fakes.running import Running

pytestmark = [pytest.mark.cluster, pytest.mark.real_data, pytest.mark.flaky(reruns=0)]  # it happens once

ROWS, EVERY = 1200, 400


@pytest.mark.timeout(900)  # a cold start, two retrains and their swaps, perhaps on a busy machine
def test_the_student_takes_over_from_the_llm(understudy: Running, real_data: Path) -> None:
    stream = banking77(ROWS, every=EVERY)
    write_use_case(understudy.configs, stream, gate={"min_gold": 30, "min_class": 5})
    added = understudy.command("train", stream.name)
    assert added.returncode == 0, added.stdout + added.stderr
    came = play(understudy, stream)
    with understudy.client() as client:
        jobs = retrains(client, stream.name)
        models = client.get(f"/api/v1/train/{stream.name}/models").json()["models"]
    first, *_, last = per_thousand(stream, came, size=EVERY)
    assert came.failed == 0
    assert first["calls"] == EVERY, "nobody but the LLM can answer at first"
    assert last["calls"] < 0.9 * last["requests"], "the student keeps some rows by now"
    assert last["accuracy"] > last["llm_accuracy"] - 0.08, "and not at the price of wrong answers"
    promoted = [job for job in jobs if (job["result"] or {}).get("promoted")]
    assert promoted, [job["error"] or job["result"] for job in jobs]
    assert all(job["trigger"] == "new_labels" for job in jobs)
    assert {job["result"]["version"] for job in promoted} <= {model["version"] for model in models}
    served = [version for version in dict.fromkeys(came.versions) if version != "none"]
    assert served, "a student that was promoted also answered"


def test_what_was_learned_is_what_was_answered(understudy: Running, real_data: Path) -> None:
    """Runs after the loop: every lesson is the teacher's, and gold is people's alone."""
    with understudy.client() as client:
        reply = client.get("/api/v1/train/banking77/models")
        if reply.status_code == 404:
            pytest.skip("the loop has not run")
        learned = [model for model in reply.json()["models"] if model["label_mix"]]
    assert learned
    for model in learned:
        assert model["label_mix"].get("file", 0) == 0
        assert model["label_mix"]["teacher"] > 0
        assert np.isfinite(model["metrics"]["macro_f1"])
