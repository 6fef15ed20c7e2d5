"""``understudy schema``: JSON Schemas of the configuration files, so that editors complete the YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def schema(
    out: Annotated[Path, typer.Option(help="Where the schemas are written.")] = Path("docs/schemas"),
) -> None:
    """Write JSON Schemas of platform.yaml and use_case.yaml, for editors."""
    out.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (out / name).write_text(text, encoding="utf-8")
        print(f"✓ {out / name}")


def schemas() -> dict[str, str]:
    """File name -> content."""
    import json

    from serve_app.core.platform import Platform
    from serve_app.core.use_case import UseCase

    made: dict[str, str] = {}
    for name, model in (("platform.json", Platform), ("use_case.json", UseCase)):
        content = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        made[name] = json.dumps(_without_masks(content), indent=2, ensure_ascii=False) + "\n"
    return made


def _without_masks(node: Any) -> Any:
    """pydantic writes a secret's default as asterisks, which an editor would offer to fill in."""
    if isinstance(node, list):
        return [_without_masks(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: _without_masks(value) for key, value in node.items() if not _masked(key, value)}


def _masked(key: str, value: Any) -> bool:
    return key == "default" and "**********" in str(value)
