"""Understudy's serving graph beside its peers, in one run.

    make bench [PEERS=fastapi,bentoml] [ROUNDS=3] [CASES=numbers,start] [ARGS="--seconds 5"]

Same model, same rows, same machine. In every round each system is started, asked case by case, weighed and ended,
one after the other (A B C A B C …): what runs beside it is only the load. Of a peer's settings the best is measured,
as a short round before the others shows. A peer that does not install or answer stands in the table with the reason.

Cases: numbers-1, -32, -128; texts-1, -32, -128; batch-json, batch-arrow; start; memory; cascade. Writes
``serving.md``, ``serving.json`` and pictures into ``bench/``.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.serving.cascade import slow_llm
from tests.benchmarks.serving.cases import CASCADE, UnknownName, chosen
from tests.benchmarks.serving.chosen import best_settings, peers_named, variants_named, without_answer
from tests.benchmarks.serving.found import Found
from tests.benchmarks.serving.generator import described
from tests.benchmarks.serving.machine import about
from tests.benchmarks.serving.measuring import Wanted, cases, measure
from tests.benchmarks.serving.peers import peers
from tests.benchmarks.serving.prepared import prepare
from tests.benchmarks.serving.progress import Shown
from tests.benchmarks.serving.report import Results, Row, lines
from tests.benchmarks.serving.systems import System
from tests.benchmarks.serving.understudy import variants
from tests.benchmarks.serving.written import write
from tests.fakes.running import ROOT


def main() -> int:
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    loads, others = chosen(asked.cases)
    told = about(asked, sys.argv[1:], described())
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shown = stack.enter_context(Shown())
        shown.say("making the model and the questions")
        prepared = prepare(data)
        llm = stack.enter_context(slow_llm()) if CASCADE in others else {}
        wanted = Wanted(prepared, loads, others, asked.seconds, shown.say)
        candidates, tried = best_settings(peers_named(peers(prepared), asked.peers), wanted, shown)
        systems: list[System] = [*candidates, *variants_named(variants(prepared, llm), asked.variants)]
        answering, in_vain = without_answer(systems, tried, wanted)
        found = [*tried, *in_vain, *_rounds(answering, wanted, asked.rounds, shown)]
    results = Results([Row(each.name, each.family, each.title, each.tuned) for each in systems], found)
    for path in write(results, told, asked.out):
        print(path)
    print("\n".join(lines(results)))
    return 0


def _rounds(systems: Sequence[System], wanted: Wanted, rounds: int, shown: Shown) -> list[Found]:
    shown.expect(rounds * sum(cases(system, wanted) for system in systems))
    found = []
    for turn in range(1, rounds + 1):
        for system in systems:
            for each in measure(system, wanted, turn):
                found.append(each)
                shown.done(each)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.serving", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--peers", type=_names, default=[], help="names or how they begin, by commas; 'none' for none")
    parser.add_argument("--variants", type=_names, default=[], help="of Understudy: graph,graph-log,near,fused,…")
    parser.add_argument("--cases", type=_names, default=[])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="a case")
    parser.add_argument("--out", type=Path, default=ROOT / "bench")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UnknownName as error:
        sys.exit(f"✗ {error}")
