"""The configuration that holds from a start on, in the audit log wherever it is another than at the start before."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from serve_app.adapters.prompts import Prompts
from serve_app.core.audit import Audited, AuditFilter
from serve_app.core.errors import BadConfig
from serve_app.core.events import digest
from serve_app.core.platform import Platform
from serve_app.core.policy import policy_version
from serve_app.core.ports import AuditLog
from serve_app.core.use_case import UseCase

LOGIN = r"(://)[^/@\s\"]+@"
"""Who logs in, in a URL."""

ACTION = "config"
BY = "operator"


def in_force(platform: Platform, use_cases: Mapping[str, UseCase], prompts: Prompts) -> dict[str, Any]:
    """As JSON, secrets masked: that one of them is another does not show."""
    each = {name: {"policy_version": _version(one, prompts), "budget": one.budget.model_dump(mode="json")}
            for name, one in sorted(use_cases.items())}  # fmt: skip
    text = json.dumps(platform.model_dump(mode="json"), ensure_ascii=False)
    return {"platform": json.loads(re.sub(LOGIN, r"\1**********@", text)), "use_cases": each}


def write_down(audit: AuditLog, config: dict[str, Any], now: datetime) -> None:
    """Every replica of the ingress does this when it starts, and one of them writes: the same change after the same
    entry has the same id. Raises StoreUnavailable."""
    last = next(iter(audit.page(AuditFilter(action=ACTION), limit=1)), None)
    if last is not None and last.after == config:
        return
    before, seq = (None, 0) if last is None else (last.after, last.seq)
    target = digest(config)
    id = f"{ACTION}-{seq}-{target.removeprefix('sha256:')[:32]}"
    audit.append(Audited(id, now, BY, ACTION, target=target, before=before, after=config))


def _version(use_case: UseCase, prompts: Prompts) -> str | None:
    """None where its prompt cannot be rendered, of which the use case tells by itself."""
    try:
        return policy_version(use_case, prompts.of(use_case.name))
    except BadConfig:
        return None
