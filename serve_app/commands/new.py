"""``understudy new``: a use case out of a labelled table, trained and ready to be asked."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from serve_app.commands.train import first_student

if TYPE_CHECKING:
    import pandas as pd

    from serve_app.core.infer import Inferred

LOCAL = "http://127.0.0.1:8000/api/v1/predict"
SHOWN = 25


def new(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and _.")],
    source: Annotated[Path, typer.Option("--from", help="A labelled table: CSV or Parquet.")],
    target: Annotated[str, typer.Option(help="The column to predict.")],
    configs: Annotated[Path, typer.Option(help="The folder of platform.yaml and use_cases.")] = Path("configs"),
    drop: Annotated[list[str] | None, typer.Option(help="A column to leave out; may be repeated.")] = None,
    rows: Annotated[str | None, typer.Option(help="Only rows with COLUMN=VALUE, such as split=train.")] = None,
    task: Annotated[str | None, typer.Option(help="classification or regression, if inferred wrongly.")] = None,
    train: Annotated[bool, typer.Option(help="Train the first model now.")] = True,
    force: Annotated[bool, typer.Option(help="Replace a use case of that name.")] = False,
) -> None:
    """Make a use case from a labelled table: infer its schema, train, and show how to ask it."""
    from serve_app.adapters.new_use_case import refuse_name, write_use_case
    from serve_app.adapters.table_file import read_table
    from serve_app.core.infer import infer

    refuse_name(name, configs, force)
    found = read_table(source, target)
    chosen = _chosen(found.table, rows)
    inferred = infer(chosen, target, drop or [], _task(task), found.comma)
    write_use_case(name, inferred, configs, source.name, force)
    _show(inferred, (*found.notes, *([f"only rows with {rows}: {len(chosen):,}"] if rows else [])))
    print(f"✓ written and checked: {configs / 'use_cases' / name}")
    address = first_student(name, configs) if train else None
    if not train:
        print("  not trained yet: that happens when Understudy starts next")
    _how_to_ask(f"{LOCAL}/{name}" if address is None else address, inferred)


def _task(task: str | None) -> Literal["classification", "regression"] | None:
    from serve_app.core.errors import InvalidInput

    match task:
        case None | "classification" | "regression":
            return task
    raise InvalidInput(f"--task {task}: expected classification or regression")


def _chosen(table: pd.DataFrame, rows: str | None) -> pd.DataFrame:
    from serve_app.core.errors import InvalidInput

    if rows is None:
        return table
    column, _, value = rows.partition("=")
    if column not in table.columns:
        raise InvalidInput(f"--rows {rows}: no column {column!r}; expected COLUMN=VALUE, such as split=train")
    chosen = table[table[column].astype(str) == value]
    if len(chosen) == 0:
        held = ", ".join(map(str, table[column].unique()[:10]))
        raise InvalidInput(f"--rows {rows}: no row has that value; the column holds {held}")
    return chosen


def _show(inferred: Inferred, notes: tuple[str, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("column", "kind", "required", "seen", title=f"{len(inferred.table):,} rows", title_justify="left")
    for each in inferred.fields[:SHOWN]:
        table.add_row(each.name, each.keys["kind"], "yes" if each.keys.get("required", True) else "no", each.why)
    if len(inferred.fields) > SHOWN:
        table.add_row(f"and {len(inferred.fields) - SHOWN} more", "", "", "all of them stand in use_case.yaml")
    table.add_section()
    target = inferred.target
    table.add_row(target.keys["column"], target.task, "target", target.why)
    console = Console()
    console.print(table, markup=False)
    for note in (*notes, *inferred.notes):
        console.print(f"  - {note}", markup=False, highlight=False)


def _how_to_ask(address: str, inferred: Inferred) -> None:
    body = json.dumps(_example(inferred), ensure_ascii=False)
    print("\nAsk it, here with the first row of the table:\n")
    print(f"curl -s {address} -H 'content-type: application/json' -d {shlex.quote(body)}")


def _example(inferred: Inferred) -> dict[str, Any]:
    """The first row without its label; what is missing stays out."""
    first = inferred.table.iloc[0]
    cells = {each.name: first[each.name] for each in inferred.fields}
    return {name: cell for name, cell in cells.items() if cell is not None and cell == cell}
