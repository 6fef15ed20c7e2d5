"""What people say of a prediction: kept as its label, and in the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ulid import ULID

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.audit import Audited
from serve_app.core.events import Label
from serve_app.core.feedback import checked
from serve_app.core.ports import EventLog
from serve_app.core.redact import redacted_text
from serve_app.deployments.acts import Act, Acts, Done


class Feedback:
    def __init__(self, catalogue: UseCaseFolder, log: EventLog, acts: Acts) -> None:
        self._catalogue, self._log, self._acts = catalogue, log, acts

    async def say(self, prediction_id: str, label: str | float, by: str, note: str | None) -> dict[str, Any]:
        """The label, as it is kept. Only what fits is in the audit log: guesses would fill it."""
        logged = await asyncio.to_thread(self._log.get, prediction_id)
        use_case = self._catalogue.get(logged.use_case)
        name, value = checked(use_case, label)
        noted = redacted_text(use_case, note)
        said = Label(str(ULID()), prediction_id, datetime.now(UTC), by, name, value, noted)
        act = Act("feedback", by, use_case.name, {"label_id": said.id}, prediction_id)
        done: dict[str, Any] = await self._acts.kept(act, partial(keep, self._log, said, asdict(said)))
        return done


def keep(log: EventLog, said: Label, came: Any, entry: Callable[[Done], Audited]) -> Done:
    """The label with its entry in the audit log, or neither."""
    done = Done(came, labels_said(log.labels(said.prediction_id)), label_said(said))
    log.add_label(said, entry(done))
    return done


def label_said(label: Label) -> dict[str, Any]:
    """As the audit log has it. Not the note: it is free text, and what is in a chain cannot be erased."""
    return {"label": label.label, "value": label.value}


def labels_said(labels: Sequence[Label]) -> list[dict[str, Any]] | None:
    """What others said before; None where nobody did."""
    return [{"by": each.by, **label_said(each)} for each in labels] or None
