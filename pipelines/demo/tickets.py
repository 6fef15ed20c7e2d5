"""Sample tickets that the project makes itself: Indonesian and English, as untidy as real ones.

    python -m pipelines.demo.tickets configs/use_cases/it_tickets

writes ``tickets.csv`` and ``recorded_llm.csv``. The problems are hand-written (``phrases/``); what
people wrap around them, forget, mistype and mix up is drawn from a seed. The second file is a
*simulated* annotator, not a real LLM: it errs mostly where a ticket has several topics or says
little, and then towards a plausible neighbour.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pipelines.demo.phrases import Phrases, read_phrases, spoken
from pipelines.demo.untidy import mistyped, shouted, slangy
from pipelines.demo.wrapping import ALSO, ANY_SOLVING, BUT_FIRST, CLOSINGS, FORWARDS, GREETINGS, SIGNATURES, VAGUE

SEED = 2024
TICKETS = 1200
COLUMNS = ("ticket_id", "tech_raw_text", "solving", "category")
RECORDED = ("tech_raw_text", "solving", "llm_label")

WEIGHTS = {
    "network": 14, "account_access": 16, "hardware": 14, "software": 15, "email": 12, "printer": 10, "security": 9,
    "data_request": 10,
}  # fmt: skip
CATEGORIES = tuple(WEIGHTS)
NEIGHBOURS = {
    "network": ("software", "hardware", "account_access", "printer"),
    "account_access": ("email", "software", "network", "security"),
    "hardware": ("software", "printer", "network"),
    "software": ("hardware", "data_request", "account_access", "network"),
    "email": ("account_access", "software", "security", "network"),
    "printer": ("hardware", "network", "software"),
    "security": ("account_access", "email", "hardware"),
    "data_request": ("software", "account_access", "email"),
}


@dataclass(frozen=True)
class Ticket:
    """``topic`` is what it is about; ``category`` what it was filed under, which now and then is a
    neighbour; ``second`` another topic in the same text; ``vague``: the text hardly says."""

    text: str
    solving: str
    topic: str
    category: str
    second: str | None
    vague: bool


class Desk:
    """Hands out problems so that each is used once before any is used again."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._phrases: dict[str, Phrases] = {name: read_phrases(name) for name in CATEGORIES}
        self._left: dict[str, list[str]] = {name: [] for name in CATEGORIES}

    def problem(self, category: str) -> str:
        left = self._left[category]
        if not left:
            left.extend(self._phrases[category].problems)
            self._rng.shuffle(left)
        return spoken(self._rng, left.pop())

    def aside(self, category: str) -> str:
        return spoken(self._rng, self._rng.choice(self._phrases[category].problems))

    def subject(self, category: str) -> str:
        return spoken(self._rng, self._rng.choice(self._phrases[category].subjects))

    def error(self, category: str) -> str:
        return self._rng.choice(self._phrases[category].errors)

    def solving(self, category: str) -> str:
        own = self._rng.random() < 0.7
        return spoken(self._rng, self._rng.choice(self._phrases[category].solving if own else ANY_SOLVING))


def make_tickets(count: int = TICKETS, seed: int = SEED) -> list[Ticket]:
    """``count`` tickets, no two with the same text and solving note."""
    rng = Random(seed)  # noqa: S311
    desk = Desk(rng)
    made: dict[tuple[str, str], Ticket] = {}
    while len(made) < count:
        ticket = _ticket(rng, desk)
        made.setdefault((ticket.text, ticket.solving), ticket)
    return list(made.values())


def _ticket(rng: Random, desk: Desk) -> Ticket:
    topic = rng.choices(CATEGORIES, weights=list(WEIGHTS.values()))[0]
    vague = rng.random() < 0.04
    second = rng.choice(NEIGHBOURS[topic]) if not vague and rng.random() < 0.2 else None
    body = spoken(rng, rng.choice(VAGUE)) if vague else _body(rng, desk, topic, second)
    solving = "" if rng.random() < 0.25 and not vague else desk.solving(topic)
    category = rng.choice(NEIGHBOURS[topic]) if rng.random() < 0.02 else topic
    return Ticket(_wrapped(rng, body), _noted(rng, solving), topic, category, second, vague)


def _body(rng: Random, desk: Desk, topic: str, second: str | None) -> str:
    text = desk.problem(topic)
    if rng.random() < 0.12:
        text = f"{text}\n{desk.error(topic)}"
    if rng.random() < 0.45:
        text = f"{desk.subject(topic)}{rng.choice((': ', ' - ', chr(10), '. ', ' '))}{text}"
    if second is None:
        return text
    if rng.random() < 0.3:
        return f"{desk.aside(second)}. {rng.choice(BUT_FIRST)} {text}"
    return f"{text}{rng.choice(('. ', ', ', chr(10)))}{rng.choice(ALSO)} {desk.aside(second)}"


def _wrapped(rng: Random, body: str) -> str:
    """Greeting, closing, signature and forwarded header around the body, and the typing over it all."""
    hurried = rng.random()
    body = mistyped(rng, slangy(rng, body, rng.choice((0.0, 0.3, 0.7))), 0.12 * hurried**2)
    parts = [_some(rng, GREETINGS, 0.45), shouted(rng, body, 0.06), _some(rng, CLOSINGS, 0.5)]
    text = rng.choice((" ", " ", ". ", "\n")).join(part for part in parts if part)
    sign, head = _some(rng, SIGNATURES, 0.3), _some(rng, FORWARDS, 0.1)
    return (head + text + (f"\n{sign}" if sign else "")).strip()


def _some(rng: Random, phrases: Sequence[str], share: float) -> str:
    return spoken(rng, rng.choice(phrases)) if rng.random() < share else ""


def _noted(rng: Random, solving: str) -> str:
    return mistyped(rng, slangy(rng, solving, 0.2), 0.03).strip()


def annotate(tickets: Iterable[Ticket], seed: int = SEED) -> list[str]:
    """What the simulated annotator calls each ticket: it reads the topic, not the filed category."""
    rng = Random(f"annotator {seed}")  # noqa: S311
    return [_called(rng, ticket) for ticket in tickets]


def _called(rng: Random, ticket: Ticket) -> str:
    if rng.random() >= _doubt(ticket):
        return ticket.topic
    return ticket.second or rng.choice(NEIGHBOURS[ticket.topic])


def _doubt(ticket: Ticket) -> float:
    if ticket.vague:
        return 0.4
    return 0.2 if ticket.second else 0.05


def tickets_csv(tickets: Sequence[Ticket], seed: int = SEED) -> str:
    rng = Random(f"ids {seed}")  # noqa: S311
    numbers = sorted(rng.sample(range(240_000, 260_000), len(tickets)))
    rows = zip(numbers, tickets, strict=True)
    return _csv(COLUMNS, ((f"INC{number:07d}", t.text, t.solving, t.category) for number, t in rows))


def recorded_csv(tickets: Sequence[Ticket], seed: int = SEED) -> str:
    labels = zip(tickets, annotate(tickets, seed), strict=True)
    return _csv(RECORDED, ((t.text, t.solving, label) for t, label in labels))


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(_with(header, rows))
    return out.getvalue()


def _with(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    yield header
    yield from rows


def main(folder: Path) -> None:
    tickets = make_tickets()
    (folder / "tickets.csv").write_text(tickets_csv(tickets), encoding="utf-8", newline="")
    (folder / "recorded_llm.csv").write_text(recorded_csv(tickets), encoding="utf-8", newline="")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
