from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
