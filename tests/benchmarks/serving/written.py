"""The report as files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.benchmarks.serving.draw import draw
from tests.benchmarks.serving.environments import versions
from tests.benchmarks.serving.report import Results, markdown

ENVIRONMENTS = ("fastapi", "bentoml", "litserve", "mlserver", "mlflow")


def write(results: Results, about: Mapping[str, Any], folder: Path) -> list[Path]:
    """A table, everything that it was made from, and pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    table, whole = folder / "serving.md", folder / "serving.json"
    table.write_text(markdown(results, about), encoding="utf-8")
    content = {**about, "environments": {name: versions(name) for name in ENVIRONMENTS},
               "systems": [asdict(row) for row in results.rows],
               "found": [each.as_json() for each in results.found]}  # fmt: skip
    whole.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return [table, whole, *draw(results, folder)]
