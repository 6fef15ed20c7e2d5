"""The decision policy of every use case behind one deployment."""

from __future__ import annotations

from collections.abc import Sequence

from ray import serve

from serve_app.core.answers import Act, Verdict
from serve_app.core.decision import Decision as Policy
from serve_app.core.decision import decide
from serve_app.core.rows import Rows
from serve_app.deployments.options import thin


class DecisionDesk:
    async def decide(self, policy: Policy, verdicts: Sequence[Verdict], rows: Rows) -> list[Act]:
        """One act a row, in order. ``rows`` hold what the policy looks at, under its own names."""
        return [decide(policy, verdict, record) for verdict, record in zip(verdicts, rows.records(), strict=True)]


Decision = serve.deployment(**thin("Decision"))(DecisionDesk)
