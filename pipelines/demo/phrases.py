"""The hand-written body of the sample tickets, one text file a category in ``phrases/``.

In it ``{a|b}`` is a choice and ``<asset>`` a made-up detail. Every name, number and address that is
filled in is fictional.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from random import Random

FOLDER = Path(__file__).parent / "phrases"
CHOICE = re.compile(r"\{([^{}]*)\}")
SLOT = re.compile(r"<(\w+)>")

NAMES = ("Budi", "Sari", "Agus", "Dewi", "Rudi", "Ayu", "Bambang", "Fitri", "Hendra", "Maya", "Joko", "Lina",
         "Kevin", "Putri", "Wahyu", "Ratna", "Michael", "Yanti", "Eko", "Indah")  # fmt: skip
WORDS: dict[str, tuple[str, ...]] = {
    "app": ("MIT", "SAP", "HRIS", "e-Proc", "Accurate", "the ERP", "Jira", "portal vendor", "WMS"),
    "city": ("Surabaya", "Medan", "Makassar", "Bandung", "Semarang", "Denpasar", "Balikpapan"),
    "day": ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Monday", "Tuesday", "12/8", "tgl 3", "minggu lalu"),
    "dept": ("finance", "HRD", "gudang", "purchasing", "marketing", "produksi", "legal", "sales", "QC"),
    "floor": ("lt 2", "lt.3", "lantai 5", "lantai 1", "floor 4", "2nd floor", "lt 7 sayap timur"),
    "time": ("jam 8", "jam 9.30", "10 am", "13.00", "siang ini", "abis maghrib", "2 pm"),
}


@dataclass(frozen=True)
class Phrases:
    """``problems``: what people write; ``solving``: what technicians note; ``errors``: what is pasted;
    ``subjects``: what stands over a mail."""

    problems: tuple[str, ...]
    solving: tuple[str, ...]
    errors: tuple[str, ...]
    subjects: tuple[str, ...]


def read_phrases(category: str) -> Phrases:
    parts: dict[str, list[str]] = {}
    for line in (FOLDER / f"{category}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            current = parts.setdefault(line.strip("[]"), [])
        elif line:
            current.append(line)
    return Phrases(**{name: tuple(lines) for name, lines in parts.items()})


def spoken(rng: Random, phrase: str) -> str:
    """The phrase with its choices made and its details filled in."""
    chosen = CHOICE.sub(lambda found: rng.choice(found[1].split("|")), phrase)
    return SLOT.sub(lambda found: detail(rng, found[1]), chosen)


def detail(rng: Random, slot: str) -> str:
    match slot:
        case "name":
            return rng.choice(NAMES)
        case "user":
            return f"{rng.choice(NAMES).lower()}.{rng.choice('abdhkmprstw')}{rng.randint(1, 99)}"
        case "asset":
            return f"{rng.choice(('NB', 'PC', 'LT', 'IT-NB'))}-{rng.randint(2, 9999):04d}"
        case "printer":
            return rng.choice(("HP-LJ", "EPS-L", "CANON-IR", "RICOH-MP")) + str(rng.randint(1, 40))
        case "ip":
            return f"10.{rng.randint(1, 60)}.{rng.randint(0, 20)}.{rng.randint(2, 254)}"
        case "ext":
            return str(rng.randint(1001, 5599))
        case "ticket":
            return f"{rng.choice(('INC', 'TKT-', '#'))}{rng.randint(10000, 99999)}"
        case "phone":
            return f"08{rng.choice('12')}{rng.choice('1237')}-0000-{rng.randint(0, 9999):04d}"
        case _:
            return rng.choice(WORDS[slot])
