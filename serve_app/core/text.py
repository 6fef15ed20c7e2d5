"""The one canonical form of a text in Indonesian or English, shared by training and serving.

    "Re: Tlg pak, PRINTER gk bisaaa 😡 (INC-0012345)"  ->  "tolong bapak printer tidak bisa xxid"

What comes out are words of letters and digits with one space between them, so that whoever counts
n-grams needs no tokeniser. Figures that differ in every text (ids, addresses, long numbers) become
one word each. Nothing is translated and nothing is stemmed: the few spellings below stand for the
same word, and character n-grams see the rest.

Every string has a canonical form, and a canonical form is its own.
"""

from __future__ import annotations

import re
import unicodedata

_VARIANTS = {
    # Indonesian
    "tidak": "ga gak gk gx nggak ngga enggak engga kagak tdk tak gbs ndak",
    "bisa": "bs bsa",
    "untuk": "utk utuk",
    "yang": "yg",
    "dengan": "dgn dg dngn",
    "karena": "krn karna krna",
    "sudah": "sdh udh udah",
    "belum": "blm blom belom",
    "juga": "jg jga",
    "saya": "sya gw gue gua aku",
    "tolong": "tlg tlong tolongin",
    "mohon": "mhn mohn",
    "kepada": "kpd",
    "dalam": "dlm",
    "kalau": "klo kalo klu",
    "bagaimana": "gmn gimana bgmn",
    "kenapa": "knp knapa",
    "dapat": "dpt",
    "harus": "hrs",
    "supaya": "spy",
    "terus": "trs trus",
    "tapi": "tp tpi tetapi",
    "sekarang": "skrg skrng skg",
    "kemarin": "kmrn kmaren kemaren",
    "besok": "bsk",
    "lagi": "lgi",
    "banget": "bgt bngt",
    "sangat": "sgt",
    "terimakasih": "makasih mksh makasi trims trmksh",
    "saja": "aja sj",
    "seperti": "kyk kayak sprti",
    "masih": "msh",
    "tadi": "td",
    "bapak": "pak bpk",
    "ibu": "bu",
    "kirim": "krm",
    "masuk": "msk",
    "lambat": "lemot lelet lmbt",
    "komputer": "komp kompi",
    "rusak": "rsk",
    "hilang": "ilang hlg",
    "nomor": "nmr nomer",
    # English
    "please": "pls plz plis",
    "thanks": "thx thanx tq",
    "you": "u",
    "your": "ur",
    "password": "pw pwd passwd pswd",
    "error": "eror err errror",
    "message": "msg",
    "account": "acct",
    "application": "app",
    "applications": "apps",
    "document": "doc",
    "documents": "docs",
    "email": "imel",
    "internet": "inet",
    "cannot": "cant",
    "because": "bcz coz cuz",
    "tomorrow": "tmr tmrw",
}
CANONICAL = {variant: word for word, variants in _VARIANTS.items() for variant in variants.split()}
"""Spelling -> word. Spellings that mean another thing elsewhere (hr, no, km) are left out."""

_HEADER = re.compile(
    r"^[ \t>]*(?:from|to|cc|bcc|sent|date|dari|kepada|tanggal)[ \t]*:(?=[^\n]*(?:@|\d{4}))[^\n]*$", re.MULTILINE
)
_REPLY = re.compile(r"^[ \t>]*(?:(?:re|fw|fwd|subject|subjek|perihal)[ \t]*:[ \t]*)+", re.MULTILINE)
_URL = re.compile(r"\b(?:https?://|www\.)\S+")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_ID = re.compile(r"\b[a-z]{1,6}[-_#]?\d(?:[a-z\-_#]?\d){3,}[a-z]*\b|\b\d+[a-z]+(?:[a-z]?\d){3,}[a-z]*\b")
_NUMBER = re.compile(r"\d(?:[.,:/-]?\d){3,}")
FIGURES = 4
"""Digits without which no pattern of figures fits."""

_DIGIT = re.compile(r"\d")
_APOSTROPHE = re.compile(r"(?<=\w)['’`´](?=\w)")
_NOT_A_WORD = re.compile(r"[\W_]+")
_LETTERS = bytes(byte if chr(byte).isalnum() and byte < 128 else 32 for byte in range(256))
_THRICE = re.compile(r"(.)\1\1")
_LONG = re.compile(r"([^\W\d])\1{2,}")
_LONG_END = re.compile(r"([^\W\d])\1{2,}\b")
_DOUBLED = re.compile(r"\b([^\W\d_]{3,})2\b")


def canonical(text: str) -> str:
    """The canonical form of ``text``; empty when there is no word in it. Never raises."""
    words = _once(text)
    if _is_settled(words):
        return words
    while (again := _once(words)) != words:
        words = again  # rare: shortening one word made another known spelling
    return words


def _is_settled(words: str) -> bool:
    """Cheaply, for most: small ASCII letters in single-spaced words can only meet the patterns of figures again,
    and those take four digits, or a 2. (No known spelling stands for another one.)"""
    if not words.isascii() or "2" in words or words != words.lower():
        return False
    return _digits(words) < FIGURES


def _digits(text: str) -> int:
    return len(text) - len(text.encode().translate(None, b"0123456789"))


def _once(text: str) -> str:
    if text.isascii():
        return _plain_words(_tokens(text.lower()))
    return _words(_tokens(_folded(text)))


def _folded(text: str) -> str:
    whole = "".join([" " if "\ud800" <= char <= "\udfff" else char for char in text])
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", whole).casefold())


def _tokens(text: str) -> str:
    """Looks for a pattern only where a cheap test finds its mark: most texts have none of them."""
    if ":" in text:
        text = _REPLY.sub(" ", _HEADER.sub(" ", text))
    if "://" in text or "www." in text:
        text = _URL.sub(" xxurl ", text)
    if "@" in text:
        text = _EMAIL.sub(" xxemail ", text)
    return _figures(text) if _has_figures(text) else text


def _has_figures(text: str) -> bool:
    return _digits(text) >= FIGURES if text.isascii() else _DIGIT.search(text) is not None


def _figures(text: str) -> str:
    if "." in text:
        text = _ADDRESS.sub(" xxip ", text)
    return _NUMBER.sub(" xxnum ", _ID.sub(" xxid ", text))


def _plain_words(text: str) -> str:
    """``_words`` of ASCII in small letters: a table instead of patterns."""
    if "'" in text or "`" in text:
        text = _APOSTROPHE.sub("", text)
    words = text.encode().translate(_LETTERS).decode().split()
    text = " ".join(words)
    if _THRICE.search(text) or "2" in text:
        return _shortened(text)
    return " ".join([CANONICAL.get(word, word) for word in words])


def _words(text: str) -> str:
    if not text.isascii() or "'" in text or "`" in text:
        text = _APOSTROPHE.sub("", text)
    return _shortened(_NOT_A_WORD.sub(" ", text))


def _shortened(text: str) -> str:
    if _LONG.search(text):
        text = _LONG.sub(r"\1\1", _LONG_END.sub(r"\1", text))
    if "2" in text:
        text = _DOUBLED.sub(r"\1", text)
    return " ".join([CANONICAL.get(word, word) for word in text.split()])
