"""The decision policy of every use case behind one deployment."""

from __future__ import annotations

from ray import serve

from serve_app.core.answers import Acts, Verdicts
from serve_app.core.decision import Decision as Policy
from serve_app.core.decision import decide_all
from serve_app.core.rows import Rows
from serve_app.deployments.options import thin


class DecisionDesk:
    async def decide(self, policy: Policy, verdicts: Verdicts, rows: Rows) -> Acts:
        """One act a row, in order. ``rows`` hold what the policy looks at, under its own names."""
        return decide_all(policy, verdicts, rows)


Decision = serve.deployment(**thin("Decision"))(DecisionDesk)
