from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serve_app.core import text as how
from serve_app.core.text import CANONICAL, canonical

ANY_TEXT = st.one_of(
    st.text(),
    st.text(alphabet=st.characters(codec=None)),
    st.text(alphabet="aAgk1234. @/-_2'’\n:topbxr\ud800\x00ﬁİ"),
)


@given(ANY_TEXT)
@example("\ud800")
@example("\x00")
@example("1'2345")
@example("ǅ" * 50)
def test_every_text_has_a_canonical_form_that_is_its_own(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once
    assert "  " not in once
    assert once == once.strip()
    once.encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Re: Tlg pak, PRINTER gk bisaaa 😡 (INC-0012345)", "tolong bapak printer tidak bisa xxid"),
        ("From: a@b.co\nSent: 2024-01-02\nSubject: RE: Help!!", "help"),
        ("To: the whole team", "to the whole team"),
        ("mail budi.s+it@corp.co.id or see https://a.b/c?x=1", "mail xxemail or see xxurl"),
        ("ping 10.0.0.12 fails", "ping xxip fails"),
        ("error 404 on Windows 10, invoice 1.250.000", "error 404 on windows 10 invoice xxnum"),
        ("Can't log-in", "cannot log in"),
        ("laptop2 anak2 helllp sooo", "laptop anak hellp so"),
        ("Ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("", ""),
        ("😡!?", ""),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert canonical(text) == expected


def test_a_canonical_word_is_no_variant_of_another() -> None:
    assert not set(CANONICAL) & set(CANONICAL.values())
    assert all(canonical(variant) == word for variant, word in CANONICAL.items())


def test_long_texts_take_linear_time() -> None:
    for hostile in ("a" * 200_000, "1" * 200_000, "a-1" * 60_000, "@" * 200_000, "a.@" * 60_000, "re:" * 60_000):
        canonical(hostile)


FIGURES_TOO = st.lists(
    st.sampled_from(
        ["INC-0012345", "10.0.0.1", "a.b@c.de", "http://x.y/z", "www.foo.com", "re: ", "to: 2024", "printerrrr",
         "kartu2", "gk", "don't", "1-2-3-4", "12ab3c4d5", "aaa", "222", " ", "\n", "_", "é", "x1"]
    )
)  # fmt: skip


@given(st.one_of(ANY_TEXT, FIGURES_TOO.map("".join)))
def test_the_short_ways_come_to_the_same(text: str) -> None:
    """Tables and cheap tests stand before the patterns; this is the way without any of them."""
    assert canonical(text) == settled(text)


def settled(text: str) -> str:
    found = by_patterns(text)
    while (again := by_patterns(found)) != found:
        found = again
    return found


def by_patterns(text: str) -> str:
    text = how._folded(text)
    text = how._URL.sub(" xxurl ", how._REPLY.sub(" ", how._HEADER.sub(" ", text)) if ":" in text else text)
    text = how._EMAIL.sub(" xxemail ", text)
    text = how._NUMBER.sub(" xxnum ", how._ID.sub(" xxid ", how._ADDRESS.sub(" xxip ", text)))
    text = how._NOT_A_WORD.sub(" ", how._APOSTROPHE.sub("", text))
    text = how._DOUBLED.sub(r"\1", how._LONG.sub(r"\1\1", how._LONG_END.sub(r"\1", text)))
    return " ".join([CANONICAL.get(word, word) for word in text.split()])
