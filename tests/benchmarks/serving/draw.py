"""The figures as bars: a picture a kind of question, one for start and memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from tests.benchmarks.serving.cases import LOADS, MEMORY, START
from tests.benchmarks.serving.report import Results, Row

OURS, THEIRS = "#1f6fb4", "#a8a8a8"


def draw(results: Results, folder: Path) -> list[Path]:
    return [path for path in (*(_kind(results, kind, folder) for kind in ("numbers", "texts", "batch")),
                              _rest(results, folder)) if path]  # fmt: skip


def _kind(results: Results, kind: str, folder: Path) -> Path | None:
    measured = {each.case for each in results.found if each.figures}
    loads = [load for load in LOADS if load.kind.startswith(kind) and load.name in measured]
    panels = [(load.title, load.name, "requests_s", "requests/s") for load in loads]
    return _picture(results, panels, folder / f"serving-{kind}.png")


def _rest(results: Results, folder: Path) -> Path | None:
    panels = [("start to first answer", START, "seconds", "s"), ("memory at rest", MEMORY, "pss_mb", "MB (PSS)")]
    return _picture(results, panels, folder / "serving-rest.png")


def _picture(results: Results, panels: Sequence[tuple[str, str, str, str]], path: Path) -> Path | None:
    shown = [(panel, _known(results, panel[1], panel[2])) for panel in panels]
    filled = [(panel, rows) for panel, rows in shown if rows]
    if not filled:
        return None
    high = 1.2 + 0.32 * max(len(rows) for _, rows in filled)
    figure, axes = plt.subplots(1, len(filled), figsize=(5.2 * len(filled), high), squeeze=False)
    for axis, (panel, rows) in zip(axes[0], filled, strict=True):
        _bars(axis, results, panel, rows)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def _known(results: Results, case: str, figure: str) -> list[Row]:
    return [row for row in results.rows if results.spread(row.name, case, figure)]


def _bars(axis: Any, results: Results, panel: tuple[str, str, str, str], rows: Sequence[Row]) -> None:
    """The line over a bar's end: from the least to the most of the rounds."""
    title, case, figure, unit = panel
    found = [results.spread(row.name, case, figure) for row in rows]
    middles = [each.middle for each in found if each]
    errors = [[each.middle - each.least for each in found if each], [each.most - each.middle for each in found if each]]
    colours = [OURS if row.title.startswith("Understudy") else THEIRS for row in rows]
    places = range(len(rows))
    axis.barh(places, middles, xerr=errors, color=colours, ecolor="#444444", capsize=2)
    axis.set_yticks(places, [row.title for row in rows], fontsize=8)
    axis.invert_yaxis()
    axis.set_title(title, fontsize=10)
    axis.set_xlabel(unit, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
