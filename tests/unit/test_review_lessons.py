"""What people say in the review queue becomes gold or a lesson, never both."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from pipelines.dataset import SOURCE
from serve_app.adapters.memory_audit import MemoryAudit
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.adapters.sql_reviews import open_reviews
from serve_app.deployments.acts import Acts
from serve_app.deployments.desk_reviews import ReviewQueue
from tests.unit.test_collect import a_run
from tests.unit.test_prepare import configs, everything, logged, prepared, remember

ROWS = 60


def test_a_reviewed_row_is_gold_or_learned_from_and_never_both(tmp_path: Path) -> None:
    run = a_run(configs(tmp_path, gold_share=0.3), tmp_path, "shells")
    student = {"label": "clam", "confidence": 0.5}
    answer = {"prediction": {"label": "snail", "confidence": 0.85}, "degraded": False, "reason": None}
    asked = [
        replace(logged(run, n, float(n), teacher="snail"), student={**student, "probabilities": []}, answer=answer)
        for n in range(ROWS)
    ]
    remember(run, asked)
    log, reviews = open_event_log(run.platform.store, run.state), open_reviews(run.platform.store, run.state)
    desk = ReviewQueue(run.catalogue, log, reviews, Acts(MemoryAudit()))

    async def look_at_all() -> set[str]:
        """Two people, until nothing wants them any more; one label in three is another than the teacher's."""
        done: set[str] = set()
        while rows := [(by, row) for by in ("ann", "kim") for row in await desk.queue("shells", by, 7)]:
            for by, row in rows:
                label = ["snail", "clam"][row["features"]["size"] % 3 == 0]
                await desk.review(row["id"], by, label, None)
                done.add(row["id"])
        return done

    reviewed = asyncio.run(look_at_all())
    assert reviewed == {each.id for each in asked}
    later = a_run(tmp_path, tmp_path, "shells", "01Z")
    _, dataset = prepared(replace(later, until=max(each.at for each in reviews.reviewed("shells"))))
    found = everything(dataset)
    parts = found.groupby("size")["part"].unique()
    assert sorted(parts.index) == [float(n) for n in range(ROWS)]
    assert all(len(part) == 1 for part in parts)
    assert {part[0] for part in parts} == {"learn", "gold"}
    assert set(found[SOURCE]) == {"person"}
    assert found["__label"].tolist() == [["snail", "clam"][size % 3 == 0] for size in found["size"]]
    log.close()
    reviews.close()
