"""How good the answers of a period were, overall and by the class that was answered: agreement with the teacher
and accuracy by people's labels.

**Agreement.** Known wherever the teacher answered. Of the rows that the student answered alone only the audited
ones tell: each counts once for itself, as it was served, and 1/p - 1 times for the others, as *they* were served.

**Accuracy.** People choose what they label, so that of all labels only those of audited rows count, each
1/rate times. The queue that people label from shows disagreements first: so the audited rows are weighed up
apart, those where student and teacher say the same, those where they differ, and those where only one of them
spoke, each to all of its kind.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from serve_app.core.estimates import LEAST, Estimate, Share, Weighed, interval
from serve_app.core.ledger import Answer, Entry, fate, same

Kind = Literal["say the same", "differ", "did not both speak"]
"""Student and teacher, on one row."""


@dataclass(slots=True)
class Panel:
    """Audited rows of one kind: the weight of all of them, and those that people labelled."""

    rows: int = 0
    weight: float = 0.0
    labelled: Weighed = field(default_factory=Weighed)

    @property
    def factor(self) -> float:
        return self.weight / self.labelled.weight if self.labelled.weight else 0.0


@dataclass(slots=True)
class Accuracy:
    panels: dict[Kind, Panel] = field(default_factory=lambda: {kind: Panel() for kind in get_args(Kind)})

    def estimate(self) -> Estimate:
        whole = Weighed()
        for panel in self.panels.values():
            whole.join(panel.labelled, panel.factor)
        if whole.rows == 0:
            return Estimate(None, None, None, 0, 0, 0.0, "no audited row has a person's label")
        silent = next((kind for kind, panel in self.panels.items() if panel.rows and not panel.labelled.rows), None)
        if silent is not None:
            rows = self.panels[silent].rows
            reason = f"none of the {rows} audited rows where student and teacher {silent} has a person's label"
            return Estimate(None, 0.0, 1.0, whole.rows, whole.rows, whole.effective, reason)
        bounds = interval(whole.share, whole.effective)
        if whole.effective < LEAST:
            reason = f"it rests on {whole.effective:.0f} audited rows with a person's label; {LEAST} are needed"
            return Estimate(None, *bounds, whole.rows, whole.rows, whole.effective, reason)
        return Estimate(whole.share, *bounds, whole.rows, whole.rows, whole.effective)


@dataclass(slots=True)
class Quality:
    """``unanswered``: rows that the teacher was asked about in vain, of which nothing is said."""

    agreement: Share = field(default_factory=Share)
    accuracy: Accuracy = field(default_factory=Accuracy)
    unanswered: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {"agreement": self.agreement.estimate().as_dict(), "accuracy": self.accuracy.estimate().as_dict()}


class Measured:
    """Takes rows one by one; holds sums only."""

    def __init__(self) -> None:
        self.overall = Quality()
        self.classes: defaultdict[str, Quality] = defaultdict(Quality)

    def add(self, entry: Entry, served: Answer | None, alone: Answer | None, replied: bool = True) -> None:
        """``served``: what this row is answered with, None where nobody can say; ``alone``: what it is where it
        was not audited, and so what the rows that it stands for are answered with. ``replied``: unset where
        the teacher would be asked but what it says is not known."""
        taught = entry.taught
        if taught is not None:
            self._compare(entry, served, alone, taught)
        elif not replied or fate(entry) in ("failed", "budget"):
            self._each(served, _count)
        else:
            self._pass_over(entry, alone)
        if entry.audit_rate and replied:
            self._judge(entry, served, alone, entry.audit_rate)

    def _compare(self, entry: Entry, served: Answer | None, alone: Answer | None, taught: str | float) -> None:
        right = same(served, taught)
        self._each(served, lambda quality: quality.agreement.know(right))
        if entry.audited and not entry.deferred:
            weight, hit = 1 / entry.propensity - 1, same(alone, taught)
            self._each(alone, lambda quality: quality.agreement.stand_ins.add(weight, hit))

    def _pass_over(self, entry: Entry, alone: Answer | None) -> None:
        """Nobody asked the teacher. ``alone`` is None where a replay would ask: then its class is not known,
        and whoever stands for it says how many there are of each."""
        for quality in self._of(alone):
            if entry.propensity > 0:
                quality.agreement.unseen += 1
            else:
                quality.agreement.without_chance += 1

    def expect(self, entry: Entry, alone: Answer | None) -> None:
        """A row that stands for others whose class is not known before."""
        if isinstance(alone, str):
            self.classes[alone].agreement.unseen += 1 / entry.propensity - 1

    def _judge(self, entry: Entry, served: Answer | None, alone: Answer | None, rate: float) -> None:
        kind, whole, person = _kind(entry), 1 / rate, entry.person
        own, others = (whole, 0.0) if entry.deferred else (1.0, whole - 1)
        panel = self.overall.accuracy.panels[kind]
        panel.rows += 1
        panel.weight += whole
        if person is not None:
            hit = (own * same(served, person) + others * same(alone, person)) / whole
            panel.labelled.add(whole, hit)
        for answer, weight in ((served, own), (alone, others)):
            if weight > 0 and isinstance(answer, str):
                self._judge_class(self.classes[answer].accuracy.panels[kind], weight, whole, answer, person)

    def _judge_class(self, panel: Panel, weight: float, whole: float, answer: str, person: str | float | None) -> None:
        panel.rows += 1
        panel.weight += weight
        if person is not None:
            panel.labelled.add(weight, same(answer, person), whole)

    def _of(self, answer: Answer | None) -> list[Quality]:
        return [self.overall, self.classes[answer]] if isinstance(answer, str) else [self.overall]

    def _each(self, answer: Answer | None, act: Any) -> None:
        for quality in self._of(answer):
            act(quality)

    def as_dict(self) -> dict[str, Any]:
        classes = {name: self.classes[name].as_dict() for name in sorted(self.classes)}
        return {**self.overall.as_dict(), "unanswered": self.overall.unanswered, "classes": classes}


def _count(quality: Quality) -> None:
    quality.unanswered += 1


def _kind(entry: Entry) -> Kind:
    if entry.taught is None or entry.alone is None:
        return "did not both speak"
    return "say the same" if same(entry.alone, entry.taught) else "differ"
