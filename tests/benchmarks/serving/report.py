"""Medians over the rounds, ratios round by round, and a table that names everybody who is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.benchmarks.serving.cases import CASCADE, LOADS, MEMORY, START, Load
from tests.benchmarks.serving.found import NOT_TAKEN, Found

BASE = "fastapi-2"
FRAMEWORKS = ("bentoml", "litserve", "mlserver", "mlflow")
ABSENT = "–"


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of the rounds, and the least and the most of them."""

    middle: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{_short(self.middle)} ({_short(self.least)}..{_short(self.most)})"


@dataclass(frozen=True, slots=True)
class Row:
    """A system as the table names it. ``family``: of the settings of one system."""

    name: str
    family: str
    title: str
    tuned: str


class Results:
    """What was found, by system, case and round."""

    def __init__(self, rows: Sequence[Row], found: Sequence[Found]) -> None:
        self.rows, self.found = rows, found

    def by_round(self, system: str, case: str, figure: str) -> dict[int, float]:
        mine = [each for each in self.found if (each.system, each.case) == (system, case)]
        return {each.round: each.figures[figure] for each in mine if figure in each.figures}

    def spread(self, system: str, case: str, figure: str) -> Spread | None:
        return spread(list(self.by_round(system, case, figure).values()))

    def ratio(self, system: str, other: str | None, case: str, figure: str = "requests_s") -> Spread | None:
        """Round by round, so that what slows the whole machine down for a while slows both."""
        if other is None:
            return None
        mine, theirs = self.by_round(system, case, figure), self.by_round(other, case, figure)
        return spread([mine[turn] / theirs[turn] for turn in mine if theirs.get(turn)])

    def best_framework(self, case: str) -> str | None:
        """The one that answered most in the median round."""
        reached = {row.name: self.spread(row.name, case, "requests_s") for row in self.rows if row.family in FRAMEWORKS}
        known = {name: each.middle for name, each in reached.items() if each}
        return max(known, key=lambda name: known[name]) if known else None

    def missing(self) -> dict[tuple[str, str], list[str]]:
        """By system and reason the cases that were to be measured and could not be. Reasons that differ in
        their numbers only are one."""
        cases: dict[tuple[str, str], list[str]] = {}
        said: dict[tuple[str, str], str] = {}
        for each in self.found:
            if each.failed and each.failed != NOT_TAKEN:
                why = said.setdefault((each.system, re.sub(r"\d+", "#", each.failed)), each.failed)
                cases.setdefault((each.system, why), []).append(each.case)
        return {key: list(dict.fromkeys(names)) for key, names in cases.items()}

    def why(self, system: str, case: str) -> str | None:
        return next((x.failed for x in self.found if (x.system, x.case) == (system, case) and x.failed), None)


def spread(values: Sequence[float]) -> Spread | None:
    return Spread(median(values), min(values), max(values)) if values else None


def markdown(results: Results, about: Mapping[str, Any]) -> str:
    parts = [_head(about), *(_loads(results, kind) for kind in dict.fromkeys(load.kind for load in LOADS)),
             _rest(results), _cascade(results), _settings(results), _missing(results)]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(about: Mapping[str, Any]) -> str:
    machine = about["machine"]
    return "\n".join([
        "# Serving, beside its peers in one run", "",
        f"`{about['command']}`, {about['at']}: {about['rounds']} interleaved rounds of {about['seconds']:g} s a case, "
        f"load by {about['load']}. {machine['cores']} cores ({machine['cpu']}), {machine['memory_gb']:.0f} GB, "
        f"load average before {machine['load_average']:.1f}. LightGBM, 200 trees on 30 numbers; everybody answers the "
        "same rows, and a sample of the answers was compared. Medians (least..most of the rounds); ratios are made "
        f"round by round to {BASE} and to the best of {', '.join(FRAMEWORKS)}.",
    ])  # fmt: skip


def _loads(results: Results, kind: str) -> str:
    loads = [load for load in LOADS if load.kind == kind and any(f.case == load.name for f in results.found)]
    return "\n\n".join(_load(results, load) for load in loads)


def _load(results: Results, load: Load) -> str:
    best = results.best_framework(load.name)
    base = "batch-json" if load.kind == "batch-arrow" else load.name
    head = ["system", "requests/s", "p50 ms", "p99 ms", f"× {BASE}", f"× best framework ({best})", "CPU s per million"]
    rows = [_load_row(results, row, load.name, base, best) for row in results.rows]
    return f"## {load.title[0].upper()}{load.title[1:]}\n\n" + _table(head, [row for row in rows if row])


def _load_row(results: Results, row: Row, case: str, base: str, best: str | None) -> list[str] | None:
    rate = results.spread(row.name, case, "requests_s")
    if rate is None:
        why = results.why(row.name, case)
        return None if why is None or why == NOT_TAKEN else [row.title, f"**{_brief(why)}**", *[ABSENT] * 5]
    figures = [results.spread(row.name, case, name) for name in ("p50_ms", "p99_ms")]
    to_base = _across(results, row.name, case, BASE, base)
    used = results.spread(row.name, case, "cpu_s_per_million")
    cells = [rate, *figures, to_base, results.ratio(row.name, best, case), used]
    return [row.title, *(ABSENT if cell is None else str(cell) for cell in cells)]


def _across(results: Results, system: str, case: str, other: str, base: str) -> Spread | None:
    """As ``ratio``, where the other one takes these rows in another form."""
    mine, theirs = results.by_round(system, case, "requests_s"), results.by_round(other, base, "requests_s")
    return spread([mine[turn] / theirs[turn] for turn in mine if theirs.get(turn)])


def _rest(results: Results) -> str:
    head = ["system", "start to first answer, s", "memory at rest, MB (PSS)", "RSS, MB", "processes"]
    wanted = [(START, "seconds"), (MEMORY, "pss_mb"), (MEMORY, "rss_mb"), (MEMORY, "processes")]
    return _figures(results, "Start and memory", head, wanted)


def _cascade(results: Results) -> str:
    head = ["system", "requests/s (open loop)", "p99 ms of the student's rows, no LLM", "with", "with : without",
            "share that waited for the LLM", "failed"]  # fmt: skip
    wanted = [(CASCADE, name) for name in ("rate", "p99_without_ms", "p99_with_ms", "ratio", "waited", "failed")]
    return _figures(results, "The student's rows while one in five waits for a 500 ms LLM", head, wanted)


def _figures(results: Results, title: str, head: Sequence[str], wanted: Sequence[tuple[str, str]]) -> str:
    rows = [[row.title, *(_cell(results.spread(row.name, *one)) for one in wanted)] for row in results.rows]
    known = [row for row in rows if any(cell != ABSENT for cell in row[1:])]
    return f"## {title}\n\n{_table(head, known)}" if known else ""


def _settings(results: Results) -> str:
    return "## Settings\n\n" + _table(["system", "set so"], [[row.title, row.tuned] for row in results.rows])


def _missing(results: Results) -> str:
    lines = [f"- {system} ({', '.join(cases)}): {why}" for (system, why), cases in results.missing().items()]
    return "## Not measured\n\n" + "\n".join(lines) if lines else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join([_line(head), "|" + "---|" * len(head), *map(_line, rows)])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cell(found: Spread | None) -> str:
    return ABSENT if found is None else str(found)


def _brief(why: str) -> str:
    return why if len(why) <= 80 else why[:77] + "…"


def _short(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def lines(results: Results) -> Iterator[str]:
    """For the terminal: a line a case and system."""
    for load in LOADS:
        for row in results.rows:
            if rate := results.spread(row.name, load.name, "requests_s"):
                to_base = results.ratio(row.name, BASE, load.name)
                yield f"{load.name:<13} {row.name:<24} {rate!s:<28} × {BASE}: {to_base or ABSENT}"
