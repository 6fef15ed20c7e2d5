"""Who is measured: the systems that were named, and of each peer its best setting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.benchmarks.serving.cases import TUNED_BY, UnknownName
from tests.benchmarks.serving.found import Found
from tests.benchmarks.serving.measuring import Wanted, measure
from tests.benchmarks.serving.peers import Peer
from tests.benchmarks.serving.progress import Shown
from tests.benchmarks.serving.systems import System
from tests.benchmarks.serving.understudy import Understudy

NONE = "none"
TRIAL_S = 3.0


def peers_named(every: Sequence[Peer], names: Sequence[str]) -> list[Peer]:
    """A name chooses all that begin with it. Raises UnknownName for one that chooses nobody."""
    if NONE in names:
        return []
    _check(names, [each.name for each in every])
    return [each for each in every if not names or any(each.name.startswith(name) for name in names)]


def variants_named(every: Sequence[Understudy], names: Sequence[str]) -> list[Understudy]:
    """By their whole names. Raises UnknownName for one that this version does not know."""
    if NONE in names:
        return []
    known = {each.name: each for each in every}
    if unknown := sorted(set(names) - set(known)):
        raise UnknownName(f"no setting {', '.join(unknown)} of Understudy; there are {', '.join(known)}")
    return [known[name] for name in names] if names else list(every)


def _check(names: Iterable[str], known: Sequence[str]) -> None:
    if unknown := [name for name in names if not any(each.startswith(name) for each in known)]:
        raise UnknownName(f"no peer {', '.join(unknown)}; there are {', '.join(known)}")


def best_settings(every: Sequence[Peer], wanted: Wanted, shown: Shown) -> tuple[list[Peer], list[Found]]:
    """One a family, and what the trials found (as round 0 of the case ``trial``). Of a family in which nothing
    answers the first is kept, for the table to tell why."""
    families: dict[str, list[Peer]] = {}
    for each in every:
        families.setdefault(each.family, []).append(each)
    tried = [found for of in families.values() if len(of) > 1 for each in of for found in _trial(each, wanted)]
    shown.say("the best setting of each peer is known")
    rates = {each.system: each.figures.get("requests_s", 0.0) for each in tried}
    return [max(of, key=lambda each: rates.get(each.name, 0.0)) for of in families.values()], tried


def without_answer(best: Sequence[System], tried: Sequence[Found], wanted: Wanted) -> tuple[list[System], list[Found]]:
    """Those of ``best`` that answer, and for the others why every case has no figures."""
    why = {each.system: each.failed for each in tried if each.failed}
    names = [load.name for load in wanted.loads if load.kind == TUNED_BY.kind]
    told = [Found(0, each.name, name, failed=why[each.name]) for each in best if each.name in why for name in names]
    return [each for each in best if each.name not in why], told


def _trial(peer: Peer, wanted: Wanted) -> list[Found]:
    short = Wanted(wanted.prepared, [TUNED_BY], set(), TRIAL_S, wanted.told)
    return [Found(0, each.system, "trial", each.figures, each.failed) for each in measure(peer, short, 0)]
