"""The decision policy of every use case behind one deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ray import serve

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.answers import Act, Verdict
from serve_app.core.decision import decide
from serve_app.core.rows import Rows
from serve_app.deployments.options import thin


class DecisionDesk:
    def __init__(self, catalogue: UseCaseFolder) -> None:
        self._catalogue = catalogue

    async def decide(self, use_case: str, verdicts: Sequence[Verdict], rows: Rows) -> list[Act]:
        """One act a row, in order. ``rows`` hold what the policy looks at, under its own names."""
        policy = self._catalogue.get(use_case).decision
        records: Sequence[Mapping[str, Any]] = list(rows.records())
        return [decide(policy, verdict, record) for verdict, record in zip(verdicts, records, strict=True)]


Decision = serve.deployment(**thin("Decision"))(DecisionDesk)
