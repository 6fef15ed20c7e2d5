"""The cascade's benchmark as pictures: what it asks and costs against what is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from scipy.stats import t

from tests.benchmarks.cascade_banking77 import SINCE
from tests.benchmarks.cascade_headlines import FRUGAL_COST

AT_MOST, AT_LEAST = 0.002 * FRUGAL_COST, 0.890
"""What is to be reached on HEADLINES: US dollars a query, accuracy."""

CHEAPEST = 3e-7
"""The left end of the picture: a student that asks nobody has no place on a scale of logarithms."""

TEACHERS = {"even": "tab:blue", "hard": "tab:orange", "one class": "tab:green"}
FAMILIES = {"fixed": "tab:blue", "certified": "tab:red"}
RULES = {"teacher_wins": "tab:blue", "learned": "tab:orange", "higher_confidence": "tab:green", "student": "tab:grey"}


def interval(values: npt.NDArray[np.float64]) -> float:
    """Half of the 95 % interval of a mean."""
    known = values[~np.isnan(values)]
    return float(t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else 0.0


def draw_headlines(found: pd.DataFrame, published: pd.DataFrame, out: Path) -> None:
    figure, axes = plt.subplots(figsize=(10, 6))
    for frugal, part in published.groupby(published["method"] == "FrugalGPT"):
        look = {"color": "black", "marker": "D"} if frugal else {"color": "grey", "marker": "x"}
        axes.scatter(part["test_cost"], part["test_acc"], label="FrugalGPT" if frugal else "one LLM alone", **look)
    for kind, colour in TEACHERS.items():
        part = found[(found["teacher"] == kind) & found["cascade"].str.endswith("teacher wins")]
        _points(axes, part, "cascade", ("dollars", "accuracy"), color=colour, label=f"cascade, LLM's errors: {kind}")
    _name_thresholds(axes, found[found["teacher"] == "hard"])
    student = found.loc[found["cascade"] == "student alone", "accuracy"].mean()
    axes.axhline(student, color="tab:purple", linestyle="-.", linewidth=0.9, label="student alone, no cost")
    axes.plot([CHEAPEST, AT_MOST, AT_MOST], [AT_LEAST, AT_LEAST, 1], ":", color="red", label="goal: above and left")
    axes.set(xscale="log", xlim=(CHEAPEST, None), ylim=(0.81, 0.95), xlabel="US dollars a query", ylabel="accuracy")
    axes.set_title(
        "HEADLINES, 5,000 test rows. The LLM of the cascade is simulated; numbers: its thresholds; bars: 95 %"
    )
    _finish(figure, axes, out / "headlines.png")


def _name_thresholds(axes: Axes, part: pd.DataFrame) -> None:
    by_threshold = part[part["cascade"].str.endswith("teacher wins")].groupby("cascade")[["dollars", "accuracy"]]
    for title, point in by_threshold.mean().iterrows():
        name = str(title).removeprefix("fixed ").partition(",")[0]
        axes.annotate(name, tuple(point), (12, -14), textcoords="offset points", fontsize=8, ha="center")


def draw_banking77(found: pd.DataFrame, out: Path) -> None:
    figure, places = plt.subplots(2, 2, figsize=(13, 10))
    since, by_thousand = found[found["from"] == SINCE], found[found["from"] != SINCE]
    for axes, name in zip(places[0], ("accuracy", "agreement"), strict=True):
        _curves(axes, since, name)
    _over_time(places[1][0], by_thousand)
    _side_by_side(places[1][1], since)
    figure.suptitle("banking77, recorded LLM, from a cold start (intervals: 95 % over the seeds)")
    _finish(figure, places[0][0], out / "banking77.png")


def _curves(axes: Axes, since: pd.DataFrame, name: str) -> None:
    """One point a threshold or target, where the teacher wins."""
    part = since[since["arbitration"] == "teacher_wins"]
    for family, colour in FAMILIES.items():
        mine = part[part["cascade"].str.startswith(family)]
        _points(axes, mine, "cascade", ("calls", name), color=colour, label=family)
        for title, point in mine.groupby("cascade")[["calls", name]].mean().iterrows():
            axes.annotate(str(title).split()[-1], tuple(point), (6, -12), textcoords="offset points", fontsize=8)
    level = part["the LLM's accuracy"].mean() if name == "accuracy" else 1.0
    axes.axhline(level, color="black", linestyle="--", linewidth=0.9, label="always the LLM")
    axes.set(xlabel="rows that the LLM is asked about", ylabel=name, title=f"{name}, all rows since the first student")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _over_time(axes: Axes, by_thousand: pd.DataFrame) -> None:
    part = by_thousand[by_thousand["arbitration"] == "teacher_wins"]
    for title, mine in part.groupby("cascade", sort=False):
        style = "-" if str(title).startswith("fixed") else "--"
        _points(axes, mine.assign(at=mine["from"].astype(int)), "from", ("at", "calls"), label=title, linestyle=style)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    words = {"xlabel": "rows before", "ylabel": "rows that the LLM is asked about"}
    axes.set(ylim=(0, 1.05), title="LLM calls, by thousand rows", **words)
    axes.set_xticks(sorted(part["from"].astype(int).unique()))
    axes.legend(fontsize=8)


def _side_by_side(axes: Axes, since: pd.DataFrame) -> None:
    """Each rule of arbitration, under each cascade."""
    cascades = list(dict.fromkeys(since["cascade"]))
    for place, (rule, colour) in enumerate(RULES.items()):
        part = since[since["arbitration"] == rule].groupby("cascade", sort=False)["accuracy"]
        half = part.agg(lambda values: interval(values.to_numpy()))
        at = np.arange(len(cascades)) + 0.2 * (place - 1.5)
        axes.bar(at, part.mean(), 0.2, yerr=half, color=colour, label=rule, error_kw={"linewidth": 0.8})
    axes.axhline(
        since["the LLM's accuracy"].mean(), color="black", linestyle="--", linewidth=0.9, label="always the LLM"
    )
    low = since.groupby(["cascade", "arbitration"])["accuracy"].mean().min()
    axes.set(ylim=(low - 0.03, 0.93), ylabel="accuracy", title="arbitration, all rows since the first student")
    axes.set_xticks(range(len(cascades)), [title.replace(" ", "\n") for title in cascades])
    axes.legend(fontsize=8, ncols=3, loc="upper center")


def _points(axes: Axes, part: pd.DataFrame, key: str, names: tuple[str, str], **look: Any) -> None:
    """Means over the seeds, one point for each ``key``, with their intervals."""
    means = part.groupby(key, sort=False)[list(names)].mean()
    half = part.groupby(key, sort=False)[names[1]].agg(lambda values: interval(values.to_numpy()))
    order = np.argsort(means[names[0]].to_numpy())
    x, y, error = means[names[0]].iloc[order], means[names[1]].iloc[order], half.iloc[order]
    axes.errorbar(x, y, error, marker="o", markersize=4, linewidth=1, capsize=2, **look)


def _finish(figure: Figure, axes: Axes, path: Path) -> None:
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
