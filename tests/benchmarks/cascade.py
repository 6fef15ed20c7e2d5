"""What the cascade is worth on published work: LLM calls and money against accuracy and agreement.

    python -m tests.benchmarks.cascade [headlines] [banking77] [--seeds N] [--processes N] [--out FOLDER]

The rules are the project's own: students by ``pipelines.fit``, ``should_defer`` and ``settle`` of
``core/cascade.py``, thresholds by ``core/certify.py``, withdrawn by ``core/recheck.py``, arbitration by
``core/arbitrate.py``. Each figure is the mean over the seeds with its 95 % interval (Student's t); a seed
is that of the student, of the order or the teacher's errors, and of what chance audits.

headlines   A student of the 5,000 training rows answers the 5,000 test rows, beside the published table.
            The teacher is SIMULATED: right on 84.8 %, gemini-1.5-flash's published accuracy, at its published
            price. ``even``: its errors fall evenly on all rows; ``hard``: more often on rows that the student
            is unsure of (72.3 % to 97.3 % right, from the most to the least unsure); ``one class``: all of
            them on the most frequent class. Certificates and learned arbitration rest on 1,000 of the training
            rows, which their student has not learned from.
banking77   The answers of a GPT model, recorded (right on 82.6 %), teach from a cold start: a stream of 4,000
            rows, a retrain after every 1,000, people label a tenth as gold, and under a certificate (one
            threshold over all classes) chance audits a tenth.

Last, by how much ``learned`` is more accurate than the best of the three fixed rules, which is known only
afterwards: the mean over the seeds of the difference on the same rows, with its interval.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from tests.benchmarks.cascade_banking77 import SINCE, banking77
from tests.benchmarks.cascade_drawn import draw_banking77, draw_headlines, interval
from tests.benchmarks.cascade_headlines import FRUGAL_COST, headlines
from tests.benchmarks.cascade_rules import DATA, RULES
from tests.benchmarks.side_by_side import side_by_side

COMMAND = "python -m tests.benchmarks.cascade"
SEEDS = 5


def table_of(found: pd.DataFrame, keys: Sequence[str], figures: Sequence[str]) -> Iterator[str]:
    yield "| " + " | ".join([*keys, "seeds", "rows", *figures]) + " |"
    yield "|" + "---|" * (len(keys) + len(figures) + 2)
    for key, part in found.groupby(list(keys), sort=False):
        cells = [_cell(name, part[name].to_numpy(dtype=float)) for name in figures]
        seeds = f"{part['seed'].min()} to {part['seed'].max()}"
        yield "| " + " | ".join([*map(str, key), seeds, str(int(part["rows"].iloc[0])), *cells]) + " |"


def _cell(name: str, values: npt.NDArray[np.float64]) -> str:
    known = int((~np.isnan(values)).sum())
    if known < min(len(values), 2):  # of one seed there is no interval
        return f"{np.nanmean(values):.4f} (1 seed)" if known else ""
    mean, half = float(np.nanmean(values)), interval(values)
    if name == "dollars":
        return f"{mean:.3g} ± {half:.1g}"
    return f"{mean:.2%} ± {half:.2%}" if name in ("calls", "of FrugalGPT") else f"{mean:.4f} ± {half:.4f}"


def against_fixed(found: pd.DataFrame, keys: Sequence[str], rule: str) -> Iterator[str]:
    """``rule``: the column that names the rule of arbitration."""
    yield "\n| " + " | ".join([*keys, "best fixed rule", "learned is better by"]) + " |"
    yield "|" + "---|" * (len(keys) + 2)
    for key, part in found.groupby(list(keys), sort=False):
        by_rule = part.pivot(index="seed", columns=rule, values="accuracy")
        best = str(by_rule[[each for each in RULES if each != "learned"]].mean().idxmax())
        gain = (by_rule["learned"] - by_rule[best]).to_numpy()
        yield "| " + " | ".join([*map(str, key), best, f"{gain.mean():+.4f} ± {interval(gain):.4f}"]) + " |"


def report_headlines(found: pd.DataFrame, out: Path) -> Iterator[str]:
    published = pd.read_csv(DATA / "headlines" / "published_costs.csv")
    yield "\nHEADLINES: a SIMULATED teacher (84.8 % right, $0.0000173 a query)\n"
    figures = ("accuracy", "calls", "dollars", "of FrugalGPT", "accuracy alone")
    yield from table_of(found, ("cascade", "student of", "teacher"), figures)
    yield "\nPublished (FrugalGPT's repository), the same test rows\n\n| method | accuracy | dollars | of FrugalGPT |"
    yield "|---|---|---|---|"
    for row in published.sort_values("test_acc", ascending=False).itertuples():
        yield f"| {row.method} | {row.test_acc:.4f} | {row.test_cost:.3g} | {row.test_cost / FRUGAL_COST:.2%} |"
    rules = found[found["cascade"].isin([f"fixed 0.8, {rule}" for rule in RULES])]
    split = rules["cascade"].str.split(", ", expand=True)
    yield from against_fixed(
        rules.assign(cascade=split[0], arbitration=split[1]), ("cascade", "teacher"), "arbitration"
    )
    draw_headlines(found, published, out)


def report_banking77(found: pd.DataFrame, out: Path) -> Iterator[str]:
    since = found[found["from"] == SINCE]
    figures = ("calls", "accuracy", "agreement", "agreement alone", "the LLM's accuracy")
    yield "\nbanking77: a recorded LLM, from a cold start; all rows since the first student\n"
    yield from table_of(since, ("cascade", "arbitration"), figures)
    yield "\nBy thousand, from the first row\n"
    by_thousand = found[(found["from"] != SINCE) & (found["arbitration"].isin(["teacher_wins", "learned"]))]
    yield from table_of(by_thousand, ("cascade", "arbitration", "from"), figures)
    yield from against_fixed(since, ("cascade",), "arbitration")
    draw_banking77(found, out)


BENCHES = {"headlines": (headlines, report_headlines), "banking77": (banking77, report_banking77)}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.split("\n\n")[0])
    parser.add_argument("sets", nargs="*", metavar="set", help=" | ".join(BENCHES))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--processes", type=int, help="one for each core by default")
    parser.add_argument("--out", type=Path, default=Path(".understudy/bench-cascade"))
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.sets or list(BENCHES):
        bench, report = BENCHES[name]
        began, seeds = time.perf_counter(), range(1, asked.seeds + 1)
        found = pd.DataFrame([each for one in side_by_side(bench, seeds, asked.processes) for each in one])
        found.to_csv(asked.out / f"{name}.csv", index=False)
        print("\n".join(report(found, asked.out)))
        took = time.perf_counter() - began
        print(f"\nseeds 1 to {asked.seeds}, {took:.0f} s: {COMMAND} {name} --seeds {asked.seeds}", flush=True)


if __name__ == "__main__":
    main()
