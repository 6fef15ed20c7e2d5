"""What hurried people do to a text: typing errors, slang, capitals. Every process is seeded."""

from __future__ import annotations

import re
from random import Random

WORD = re.compile(r"[A-Za-z]+")
SLANG: dict[str, tuple[str, ...]] = {
    "tidak": ("gak", "gk", "ga", "tdk", "nggak"),
    "gak": ("gk", "ga", "tidak", "ngga"),
    "bisa": ("bs", "bisa", "bsa"),
    "sudah": ("udh", "sdh", "udah"),
    "udah": ("udh", "sudah"),
    "belum": ("blm", "blom", "belom"),
    "tolong": ("tlg", "tlong", "mohon"),
    "mohon": ("mhn", "tolong", "mohon dibantu"),
    "minta": ("mnt", "minta tolong"),
    "yang": ("yg",),
    "dengan": ("dgn",),
    "untuk": ("utk", "buat"),
    "karena": ("krn", "krna"),
    "dari": ("dr", "dari"),
    "saya": ("sy", "aku", "gw"),
    "kemarin": ("kmrn", "kmaren"),
    "karyawan": ("kary", "pegawai"),
    "please": ("pls", "plz", "kindly"),
    "password": ("pass", "pwd", "pasword", "kata sandi"),
    "internet": ("inet", "internetnya"),
    "laptop": ("leptop", "lap top", "notebook"),
    "printer": ("print", "printernya", "pinter"),
    "email": ("e-mail", "imel", "mail", "emailnya"),
    "error": ("eror", "errornya"),
    "the": ("the", "teh", ""),
    "cannot": ("cant", "can not"),
    "because": ("bcs", "coz"),
    "terus": ("trs", "mulu"),
    "banget": ("bgt", "sekali"),
    "semua": ("smua", "semuanya"),
}
NEAR = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip


def slangy(rng: Random, text: str, share: float) -> str:
    """A ``share`` of the words that have a slang or short form takes it."""

    def changed(found: re.Match[str]) -> str:
        forms = SLANG.get(found[0].lower())
        return rng.choice(forms) if forms and rng.random() < share else found[0]

    return re.sub(r" {2,}", " ", WORD.sub(changed, text))


def mistyped(rng: Random, text: str, share: float) -> str:
    """A ``share`` of the words of four letters or more holds one typing error."""
    return WORD.sub(lambda found: _slip(rng, found[0]) if rng.random() < share else found[0], text)


def _slip(rng: Random, word: str) -> str:
    if len(word) < 4:
        return word
    at = rng.randrange(1, len(word) - 1)
    match rng.choice(("drop", "double", "swap", "near")):
        case "drop":
            return word[:at] + word[at + 1 :]
        case "double":
            return word[:at] + word[at] + word[at:]
        case "swap":
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case _:
            return word[:at] + rng.choice(NEAR.get(word[at].lower(), word[at])) + word[at + 1 :]


def shouted(rng: Random, text: str, share: float) -> str:
    return text.upper() if rng.random() < share else text
