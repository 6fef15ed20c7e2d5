"""Where people's names stand in a text: known names, and words behind what announces a name.

A name that the list knows counts wherever it is capitalised. Any other is found only by what stands before it: a
title ("Pak", "Dr"), a greeting or a farewell, "my name is", "hubungi". So a name that is in no list and that
nothing announces is missed, and so is a name in lower case that nothing announces (``tests/unit/test_redact.py``
holds how many).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from serve_app.core.known_names import ALSO_WORDS, SURE
from serve_app.core.ordinary_words import ORDINARY


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_APART = {" ", ". ", "  "}
"""What may stand between two parts of one name; the dot follows an initial or a title."""

PARTICLES = _set("bin binti van von de der den del della da dos du al el ibn st")
LONGEST = 4
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "ß": "ss", "æ": "ae", "’": "'"})

Span = tuple[int, int]


class _Text:
    """A text as words: ``words`` as written, ``low`` as the lists have them, ``starts`` and ``ends`` in the text."""

    __slots__ = ("ends", "low", "starts", "text", "words")

    def __init__(self, text: str) -> None:
        found = [(each[0], each.start(), each.end()) for each in _WORD.finditer(text)]
        self.text = text
        self.words = [word for word, _, _ in found]
        self.starts = [start for _, start, _ in found]
        self.ends = [end for _, _, end in found]
        low = text.lower() if text.isascii() else None
        self.low = [low[s:e] for _, s, e in found] if low is not None else [folded(word) for word in self.words]

    def gap(self, at: int) -> str:
        """What stands between the words ``at - 1`` and ``at``, or after the last one."""
        after = self.starts[at] if at < len(self.words) else len(self.text)
        return self.text[self.ends[at - 1] : after]

    def capital(self, at: int) -> bool:
        return self.words[at][0].isupper()

    def shouted(self, at: int) -> bool:
        return len(self.words[at]) > 1 and self.words[at].isupper()

    def known(self, at: int) -> bool:
        return _listed(self.low[at], SURE)

    def perhaps(self, at: int) -> bool:
        return self.low[at] in ALSO_WORDS and self.low[at] not in ORDINARY

    def ordinary(self, at: int) -> bool:
        return self.low[at] in ORDINARY or self.low[at].removesuffix("'s") in ORDINARY

    def in_code(self, at: int) -> bool:
        """Part of an identifier (a host, a file, a variable), which is no name."""
        before = self.text[self.starts[at] - 1 : self.starts[at]]
        after = self.text[self.ends[at] : self.ends[at] + 2]
        return before in _CODE or after[:1] in _CODE or (after[:1] == "-" and after[1:].isdigit())


_CODE = frozenset("_@#0123456789=$%")


def folded(word: str) -> str:
    """As the lists have it: without case and accents."""
    plain = unicodedata.normalize("NFKD", word.lower().translate(_LETTERS))
    return "".join(each for each in plain if not unicodedata.combining(each))


def _listed(low: str, names: frozenset[str]) -> bool:
    if low in names:
        return True
    if "'" in low and low.removesuffix("'s") in names:
        return True
    return "-" in low and any(part in names for part in low.split("-"))


def name_spans(text: str) -> list[Span]:
    """Start and end of every name, in order, none within another."""
    words = _Text(text)
    spans: list[Span] = []
    at, count, low = 0, len(words.words), words.low
    while at < count:
        end = at
        word = low[at]
        if word in _CUES:
            end = _CUES[word](words, at)
            first = at + 1
            while first < end and not _begins(words, first):  # titles between a cue and its name
                first += 1
        elif word in SURE or "-" in word or "'" in word:
            end, first = _grown(words, at)
        if end > at:
            spans.append((words.starts[first], _end(words, end - 1)))
            at = end
        else:
            at += 1
    return spans


def _begins(words: _Text, at: int) -> bool:
    return words.low[at] not in _TITLES


def _end(words: _Text, last: int) -> int:
    """Without a genitive's "'s", which is no part of the name."""
    word = words.words[last]
    return words.ends[last] - (2 if word.endswith(("'s", "’s")) else 0)


def _grown(words: _Text, at: int) -> tuple[int, int]:
    """The words of a name around a known one: one behind the last, and the first. Nothing where it is no name."""
    if not words.known(at) or words.in_code(at):
        return at, at
    if not words.capital(at):
        return _lower_pair(words, at)
    if words.shouted(at):
        end = at + 1
        while end < len(words.words) and words.gap(end) == " " and words.shouted(end) and words.known(end):
            end += 1
        return (end, at) if end > at + 1 or len(words.words[at]) > 3 else (at, at)
    first = at
    if first and words.gap(first) in _APART and _leads(words, first - 1):
        first -= 1
    return _parts(words, at + 1, _joins), first


def _lower_pair(words: _Text, at: int) -> tuple[int, int]:
    """Two known names side by side are a name in lower case as well."""
    end = at + 1
    while end < len(words.words) and words.gap(end) in (" ", ".") and not words.capital(end) and words.known(end):
        end += 1
    return (end, at) if end > at + 1 and not words.in_code(end - 1) else (at, at)


def _leads(words: _Text, at: int) -> bool:
    """An initial, or a capitalised word that nothing but a name explains."""
    if len(words.words[at]) == 1 and words.gap(at + 1) == ". ":
        return words.capital(at)
    return _joins(words, at)


def _joins(words: _Text, at: int) -> bool:
    """A capitalised word beside a name, that may be a part of it."""
    if not words.capital(at) or words.in_code(at) or words.low[at] in _CUES:
        return False
    if words.known(at) or words.perhaps(at):
        return True
    return not words.shouted(at) and not words.ordinary(at)


def _parts(words: _Text, at: int, fits: Callable[[_Text, int], bool]) -> int:
    """One behind the last word of a name whose first words end before ``at``."""
    most, count = at + LONGEST - 1, len(words.words)
    while at < min(most, count):
        gap = words.gap(at)
        if gap not in _APART or (gap == ". " and len(words.words[at - 1]) > 2):
            break
        if fits(words, at):
            at += 1
        elif words.low[at] in PARTICLES and at + 1 < count and words.gap(at + 1) == " " and fits(words, at + 1):
            at += 2
        else:
            break
    return at


def _name(words: _Text, at: int, fits: Callable[[_Text, int], bool]) -> int:
    """One behind the name that begins at ``at``; ``at`` itself where none does."""
    if at >= len(words.words) or not fits(words, at):
        return at
    return _parts(words, at + 1, fits)


def _capitalised(words: _Text, at: int) -> bool:
    """What may be a name where one is expected: an unknown capitalised word too."""
    if words.in_code(at) or words.low[at] in _CUES or words.ordinary(at):
        return False
    if words.shouted(at) and len(words.words[at]) < 4:
        return False
    return words.capital(at) or words.known(at)


def _anything(words: _Text, at: int) -> bool:
    return not words.in_code(at) and not words.ordinary(at)


def _listed_only(words: _Text, at: int) -> bool:
    return not words.in_code(at) and (words.known(at) or words.perhaps(at))


def _none_of(words: _Text, at: int, end: int) -> int:
    return at if end == at + 1 else end


def _title(words: _Text, at: int) -> int:
    """ "Pak Budi", "Mrs. Jones", "pak budi"; but "MS Office" and "dr Bandung" ("from", in haste) are not."""
    if words.gap(at + 1) not in (" ", ". ", ".") or (
        words.low[at] in ("ms", "dr") and words.words[at] not in ("Ms", "Dr")
    ):
        return at
    following = at + 1
    if following < len(words.words) and words.low[following] in _TITLES:
        return at  # it announces the name itself
    end = _name(words, following, _capitalised)
    if end == following:
        end = _name(words, following, _listed_only)
    return _none_of(words, at, end)


def _greeting(words: _Text, at: int) -> int:
    """ "Dear Budi Santoso", "hi budi,"; an unknown word behind "hi" only where a comma or the line's end follows."""
    if not set(words.gap(at + 1)) <= set(" .,:\t"):
        return at
    end = _name(words, at + 1, _capitalised)
    if end > at + 1 and (words.low[at] in _FORMAL or words.known(at + 1) or _closed(words, end)):
        return end
    end = _name(words, at + 1, _listed_only)
    return end if end > at + 1 and (words.known(at + 1) or _closed(words, end)) else at


def _farewell(words: _Text, at: int) -> int:
    """A signature: what stands alone on its line, or ends the text, behind "regards" or "terima kasih"."""
    before = _FAREWELL[words.low[at]]
    gap = words.gap(at + 1)
    if before and (at == 0 or words.low[at - 1] not in before):
        return at
    if not set(gap) <= set(" .,!:;-–—\t\r\n~*"):
        return at
    apart = "\n" in gap or "," in gap
    end = _name(words, at + 1, _capitalised)
    if end > at + 1:  # two unknown words and then a post: "Regards, Xaverius Lembong Senior Analyst"
        return end if _closed(words, end) or (apart and end > at + 2) else at
    end = _name(words, at + 1, _anything)
    return end if apart and end > at + 1 and end <= at + 4 and _ended(words, end) else at


def _said(words: _Text, at: int) -> int:
    """ "my name is Anna", "nama saya budi"."""
    before = _SAID[words.low[at]]
    if not any(tuple(words.low[max(0, at - len(each)) : at]) == each for each in before):
        return at
    if words.gap(at + 1) not in (" ", ": ", ":"):
        return at
    end = _name(words, at + 1, _capitalised)
    if end == at + 1 and at + 1 < len(words.words) and _anything(words, at + 1):
        end = _parts(words, at + 2, _listed_only)
    return _none_of(words, at, end)


def _field(words: _Text, at: int) -> int:
    """ "Name: Anna Smith", "Nama lengkap: budi"; not "file name: report.txt"."""
    gap = words.gap(at + 1)
    owner = (
        at == 0
        or "\n" in words.gap(at)
        or words.low[at - 1] in _OWNERS
        or words.gap(at).strip() in (".", ";", ",", "|")
    )
    if not owner or not re.fullmatch(r"\s*[:=]\s*", gap) or "\n" in gap:
        return _said(words, at) if words.low[at] in _SAID else at
    end = _name(words, at + 1, _anything)
    return at if end == at + 1 or words.text[words.ends[end - 1] :][:1] in ("_", "/", "\\") else end


def _asked(words: _Text, at: int) -> int:
    """ "contact Anna Kowalczyk", "hubungi budi", "reported by Wayan"."""
    before = _ASKED[words.low[at]]
    if before and (at == 0 or words.low[at - 1] not in before):
        return at
    if words.gap(at + 1) not in (" ", ": ", ":", " : "):
        return at
    end = _name(words, at + 1, _capitalised)
    if end == at + 1:
        end = _name(words, at + 1, _sure)
    return _none_of(words, at, end)


def _sure(words: _Text, at: int) -> bool:
    return not words.in_code(at) and words.known(at)


def _self(words: _Text, at: int) -> int:
    """ "I am Anna from", "saya Wayan dari", "saya budi"."""
    before = _SELF[words.low[at]]
    if (before and (at == 0 or words.low[at - 1] not in before)) or words.gap(at + 1) != " ":
        return at
    end = _name(words, at + 1, _capitalised)
    whence = end < len(words.words) and words.low[end] in _WHENCE
    if end > at + 1 and (words.known(at + 1) or whence or words.text[words.ends[end - 1] :][:1] == ","):
        return end
    return _none_of(words, at, _name(words, at + 1, _sure))


def _closed(words: _Text, end: int) -> bool:
    after = words.text[words.ends[end - 1] :].lstrip(" \t")[:1]
    return after in ("", ",", ".", "!", ":", ";", "\n", "\r", "-", "–", "(", "|", "/", "[")


def _ended(words: _Text, end: int) -> bool:
    return words.text[words.ends[end - 1] :].lstrip(" \t.")[:1] in ("", "\n", "\r", "|", "[")


_TITLES = _set(
    "mr mrs ms miss mister dr prof professor bapak ibu pak bu bpk sdr sdri saudara saudari mas mbak mba kak bang tn ny "
    "nn tuan nyonya dokter"
)
_FORMAL = frozenset({"dear", "yth", "kepada"})
_FAREWELL: dict[str, Sequence[str]] = {
    **dict.fromkeys(_set("regards rgds thanks thx cheers sincerely salam makasih tks trims wassalam faithfully"), ()),
    "kasih": ("terima",), "saya": ("hormat",), "kami": ("hormat",), "you": ("thank",), "truly": ("yours",),
    "best": ("all", "the"), "wishes": ("best",),
}  # fmt: skip
_SAID: dict[str, Sequence[tuple[str, ...]]] = {
    "is": (("name",),), "nama": (("atas",),), "adalah": (("nama", "saya"), ("nama", "pengguna")), "bernama": ((),),
    "saya": (("nama",),), "name's": (("my",),), "namaku": ((),),
}  # fmt: skip
_OWNERS = _set("my full contact customer user employee requester your sender first last family given nama")
_ASKED: dict[str, Sequence[str]] = {
    **dict.fromkeys(_set("contact call ask attn pic cc colleague rekan"), ()),
    **dict.fromkeys(_set("hubungi menghubungi kontak tanya telepon telp"), ()),
    "by": ("reported", "requested", "raised", "submitted", "approved", "signed", "sent"),
    "to": ("assigned", "escalated", "spoke", "talk", "talked", "speak"),
    "with": ("spoke", "talked", "speak"),
    "oleh": ("dilaporkan", "diajukan", "disetujui", "dikirim"),
    "sama": ("hubungi", "bicara"), "dengan": ("bicara", "berbicara"),
}  # fmt: skip
_SELF: dict[str, Sequence[str]] = {"am": ("i",), "i'm": (), "is": ("this",), "saya": (), "aku": (), "dengan": ("saya",)}
_WHENCE = _set("from dari at of here di")


def _first_of(*rules: Callable[[_Text, int], int]) -> Callable[[_Text, int], int]:
    def ruled(words: _Text, at: int) -> int:
        return next((end for rule in rules if (end := rule(words, at)) > at), at)

    return ruled


def _gathered() -> dict[str, Callable[[_Text, int], int]]:
    families: list[tuple[Callable[[_Text, int], int], frozenset[str]]] = [
        (_title, _TITLES),
        (
            _greeting,
            _set("dear hi hello hey halo hai helo yth kepada morning afternoon evening pagi siang sore malam"),
        ),
        (_said, frozenset(_SAID)),
        (_field, frozenset({"name", "nama", "lengkap"})),
        (_asked, frozenset(_ASKED)),
        (_farewell, frozenset(_FAREWELL)),
        (_self, frozenset(_SELF)),
    ]
    every = frozenset().union(*(cues for _, cues in families))
    return {cue: _first_of(*(rule for rule, cues in families if cue in cues)) for cue in every}


_CUES = _gathered()
