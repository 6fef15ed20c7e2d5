"""A configuration and a registry with the benchmark's model as the one use case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import move_champion, open_registry
from serve_app.core.platform import Platform
from tests.benchmarks.serving.numbers import Numbers, numbers, sealed, use_case

NAME, ASKED = "numbers", 4096


def lone_use_case(data: Path, more: Mapping[str, Any] | None = None) -> Numbers:
    """``data/configs``, ``data/model.txt`` and ``data/state`` with the champion in it. ``more``: of ``use_case.yaml``,
    whose ``fields`` come before the numbers."""
    made = numbers(ASKED)
    (data / "model.txt").write_text(made.text, encoding="utf-8")
    folder = data / "configs" / "use_cases" / NAME
    folder.mkdir(parents=True)
    (data / "configs" / "platform.yaml").write_text("{}\n", encoding="utf-8")
    case = use_case(NAME, 0.0, {"kind": "none"})
    fields = {**(more or {}).get("fields", {}), **case["fields"]}
    told = {**case, **(more or {}), "fields": fields}
    (folder / "use_case.yaml").write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    (folder / "prompt.md").write_text("yes or no?\n", encoding="utf-8")
    registry = open_registry(Platform(state=str(data / "state")))
    version = registry.register(NAME, sealed(made, load_use_case(folder)), {}, {"origin": "benchmark"}).version
    move_champion(registry, NAME, version)
    return made
