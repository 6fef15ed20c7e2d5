"""Every fault against a real local Ray, one after the other, with figures.

    make chaos                              all in their long form, about an hour and a half
    make chaos FAULTS=proxy,model SHORT=1   some, as the tests do them
    make chaos FAULTS=soak HOURS=4          a soak of four hours

Prints a table of what must hold, what was measured and whether it held; the same, with the numbers, goes to
``.understudy/chaos`` as Markdown and JSON. Exits with 1 when anything does not hold.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.reliability.chaos import away, deploys, kills, machine, overload, soak, stops, store, teacher
from tests.reliability.chaos.grounds import Finding, Grounds, understudy, with_an_llm
from tests.reliability.chaos.report import written

Fault = Callable[[Grounds, Any], Finding]

PAIRED: dict[str, Fault] = {
    "model": kills.model,
    "ingress": kills.ingress,
    "proxy": kills.proxy,
    "manager": kills.manager,
    "controller": kills.controller,
    "overload": overload.three_times,
    "soak": soak.half_load,
    "machine": machine.killed,
}
"""Of one Understudy with two replicas of ingress and model; the last of them leaves none of its processes."""
FUSED: dict[str, Fault] = {
    "ingress-fused": kills.ingress,
    "proxy-fused": kills.proxy,
    "overload-fused": overload.three_times,
}
SPOILT: dict[str, Fault] = {
    "teacher": teacher.every_fault,
    "deploy": deploys.good,
    "deploy-unbuildable": deploys.bad_build,
    "deploy-ill": deploys.bad_replicas,
    "deploy-back": deploys.back,
    "sigterm": stops.sigterm,
}
"""Of one whose LLM is ours; the last ends it."""
GROUPS: Sequence[tuple[dict[str, Fault], Callable[[], Any]]] = (
    (PAIRED, understudy),
    (FUSED, partial(understudy, {"UNDERSTUDY_PLACEMENT": "fused", "UNDERSTUDY_REPLICAS__INGRESS": "2"})),
    (SPOILT, with_an_llm),
)
ALONE: dict[str, Callable[[Grounds], Any]] = {"away": away.stores, "store": store.away}
"""Each with an Understudy of its own."""

ALL = [name for group, _ in GROUPS for name in group] + [*ALONE]


def main() -> int:
    asked = _arguments()
    wanted = asked.faults.split(",") if asked.faults else ALL
    if unknown := set(wanted) - set(ALL):
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    if asked.hours:
        PAIRED["soak"] = partial(soak.half_load, seconds=asked.hours * 3600)
    with _progress(len(wanted)) as (say, done):
        findings = list(every(Grounds(asked.short, say), wanted, done))
    text = written(findings, asked.short)
    print(text)
    return 0 if all(each.held for each in findings) else 1


def every(grounds: Grounds, wanted: Sequence[str], done: Callable[[str, Sequence[Finding]], None]) -> Iterator[Finding]:
    """What came of each fault that is ``wanted``, by name."""
    for group, start in GROUPS:
        chosen = {name: fault for name, fault in group.items() if name in wanted}
        if not chosen:
            continue
        grounds.say("starting an Understudy")
        with start() as hurt:
            for name, fault in chosen.items():
                grounds.say(name)
                yield from _told(name, partial(fault, grounds, hurt), done)
    for name, alone in ALONE.items():
        if name in wanted:
            grounds.say(name)
            yield from _told(name, partial(alone, grounds), done)


def _told(name: str, fault: Callable[[], Any], done: Callable[[str, Sequence[Finding]], None]) -> list[Finding]:
    """What cannot be measured has not held, and the others go on."""
    try:
        found = fault()
    except Exception as error:
        found = Finding(name, "", f"{type(error).__name__}: {str(error)[:300]}", False, {})
    findings = [found] if isinstance(found, Finding) else list(found)
    done(name, findings)
    return findings


@contextmanager
def _progress(total: int) -> Iterator[tuple[Callable[[str], None], Callable[[str, Sequence[Finding]], None]]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(soft_wrap=True)) as bar:
        task = bar.add_task("", total=total)

        def done(name: str, findings: Sequence[Finding]) -> None:
            bar.advance(task)
            for each in findings:
                mark = "held" if each.held else "NOT HELD"
                bar.console.print(
                    f"{time.strftime('%H:%M:%S')} {mark:<8} {each.fault}: {each.measured}", highlight=False
                )

        yield lambda what: bar.update(task, description=what), done


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", default="", help=f"some of {', '.join(ALL)}; all by default")
    parser.add_argument("--short", action="store_true", help="as the tests do them")
    parser.add_argument("--hours", type=float, default=0.0, help="how long to soak; 20 minutes by default")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
