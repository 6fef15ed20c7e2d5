"""Gold: rows that people labelled, that judge every student and that none learns from.

Each row has a place on a ring, by a hash of its features (``split.fractions`` with the salt "gold"); rows
below a use case's share are gold, or, while no person has labelled them, nothing. The share is kept
beside the use case's data and only ever shrinks, as gold reaches ``retraining.gold_most`` rows: a row
may leave gold to be learned from, but what was once learned from never comes to judge.

    <root>/<use case>/gold.json         {"share": 0.2}

``share_of`` is for first champions as for retrained ones: ``fit.split``'s share is this one.
"""

from __future__ import annotations

import json

from pipelines.data_root import DataRoot
from serve_app.core.platform import Platform
from serve_app.core.use_case import UseCase

FILE = "gold.json"


def share_of(platform: Platform, use_case: UseCase, people_rows: int) -> float:
    """The frozen share: the least of what it was, ``gold_share``, and ``gold_most`` of ``people_rows``.
    Of a panel the newest days are gold, so that its share is always ``gold_share``."""
    wanted = use_case.retraining
    if use_case.feature_table is not None:
        return wanted.gold_share
    root = DataRoot(platform)
    before = _kept(root, use_case.name)
    share = min(wanted.gold_share, wanted.gold_most / max(people_rows, 1), 1.0 if before is None else before)
    if share != before:
        root.write(json.dumps({"share": share}).encode(), use_case.name, FILE)
    return share


def _kept(root: DataRoot, use_case: str) -> float | None:
    try:
        return float(json.loads(root.read(use_case, FILE))["share"])
    except FileNotFoundError:
        return None
