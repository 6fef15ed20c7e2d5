from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from pipelines.learn_features import Lesson, learn_features
from serve_app.core.errors import BadBundle
from serve_app.core.features import Featuriser
from serve_app.core.npz import write_npz
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.terms import Vocabulary, occurrences
from serve_app.core.text import canonical
from serve_app.core.tfidf import learn
from serve_app.core.use_case import UseCase

TEXTS = [
    "printer kantor rusak tidak bisa cetak",
    "vpn cannot connect from home",
    "password expired cannot log in",
    "a b c",
    "",
    "printer rusak rusak lagi",
    "wifi lambat di lantai tiga",
    "log in to vpn fails with error 404",
]


def use_case() -> UseCase:
    return UseCase.model_validate(
        {
            "name": "mixed",
            "title": "Mixed",
            "fields": {
                "note": {"kind": "text", "required": False},
                "answer": {"kind": "text", "required": False},
                "amount": {"kind": "numeric", "required": False},
                "city": {"kind": "categorical", "required": False},
                "day": {"kind": "date", "required": False},
                "ticket": {"kind": "id", "required": False},
            },
            "target": {"kind": "classification", "column": "y", "classes": ["a", "b", "c"]},
            "student": {"kind": "lightgbm", "text": {"components": 4}},
            "cascade": {"kind": "fixed"},
            "decision": {"kind": "label"},
        }
    )


def mixed(count: int = 64) -> Rows:
    rng = np.random.default_rng(3)
    return Rows(
        {
            "note": text_column([TEXTS[i % len(TEXTS)] + f" n{i % 5}" for i in range(count)]),
            "answer": text_column([None if i % 7 == 0 else TEXTS[(i * 3) % len(TEXTS)] for i in range(count)]),
            "amount": numeric_column([None if i % 5 == 0 else float(rng.normal()) * 1e3 for i in range(count)]),
            "city": text_column([None if i % 6 == 0 else ["Bandung", "Jakarta", "Solo"][i % 3] for i in range(count)]),
            "day": text_column([None if i % 9 == 0 else f"2024-02-{1 + i % 28:02d}" for i in range(count)]),
        }
    )


@pytest.fixture(scope="module")
def featuriser() -> Featuriser:
    rows = mixed()
    lesson = Lesson(np.arange(len(rows)) % 3, 3, np.arange(len(rows)) % 4, seed=1)
    return learn_features(use_case(), rows, lesson)[0]


def bits(matrix: np.ndarray) -> np.ndarray:
    return matrix.view(np.int32)


def test_a_row_has_the_same_bits_alone_in_any_batch_and_after_a_round_trip(featuriser: Featuriser) -> None:
    rows = mixed()
    whole = featuriser.matrix(rows)
    again = Featuriser.read(featuriser.files())
    assert (bits(again.matrix(rows)) == bits(whole)).all()
    for row in range(len(rows)):
        assert (bits(featuriser.matrix(rows.take([row]))) == bits(whole[row : row + 1])).all()
    shuffled = np.random.default_rng(0).permutation(len(rows))
    assert (bits(featuriser.matrix(rows.take(shuffled))) == bits(whole[shuffled])).all()


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(st.one_of(st.none(), st.text()), min_size=1, max_size=8))
def test_any_text_in_any_batch(featuriser: Featuriser, texts: list[str | None]) -> None:
    rows = mixed(len(texts)).with_columns({"note": text_column(texts)})
    whole = featuriser.matrix(rows)
    assert np.isfinite(whole[:, : featuriser.widths()[0]]).all()
    for row in range(len(rows)):
        assert (bits(featuriser.matrix(rows.take([row]))) == bits(whole[row : row + 1])).all()


def test_columns_widths_and_codes(featuriser: Featuriser) -> None:
    rows = mixed()
    matrix = featuriser.matrix(rows)
    assert matrix.dtype == np.float32
    assert matrix.shape == (len(rows), sum(featuriser.widths())) == (len(rows), len(featuriser.columns()))
    assert featuriser.fields() == ["note", "answer", "amount", "city", "day"]
    assert [featuriser.columns()[at] for at in featuriser.categorical()] == ["city"]
    amount = featuriser.columns().index("amount")
    assert np.isnan(matrix[0, amount])
    assert matrix[1, amount] == np.float32(rows["amount"][1])


def test_what_training_never_saw_is_missing(featuriser: Featuriser) -> None:
    rows = mixed(3).with_columns({"city": text_column(["Solo", "Atlantis", None])})
    city = featuriser.matrix(rows)[:, featuriser.columns().index("city")]
    assert not np.isnan(city[0])
    assert np.isnan(city[1:]).all()


def test_a_huge_number_stays_finite(featuriser: Featuriser) -> None:
    rows = mixed(2).with_columns({"amount": numeric_column([1e300, -1e300])})
    assert np.isfinite(featuriser.matrix(rows)[:, featuriser.columns().index("amount")]).all()


def test_serving_features_loads_no_training_library() -> None:
    code = (
        "import sys, serve_app.core.features;"
        "print([m for m in ('sklearn','lightgbm','ray','torch') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_file_that_is_not_ours_is_refused(featuriser: Featuriser) -> None:
    files = featuriser.files()
    for wrong in (
        {**files, "features.json": b"{}"},
        {**files, "features.npz": b"no archive"},
        {**files, "features.npz": write_npz({})},
        {"features.json": files["features.json"]},
    ):
        with pytest.raises(BadBundle):
            Featuriser.read(wrong)


@pytest.mark.parametrize(("words", "chars"), [((1, 1), None), ((1, 2), None), ((2, 3), None), ((1, 1), (3, 4))])
def test_terms_are_counted_as_scikit_learn_counts_them(words: tuple[int, int], chars: tuple[int, int] | None) -> None:
    tfidf = learn(TEXTS, words, chars, max_terms=10_000, min_texts=1)
    ours = tfidf.counts(TEXTS)
    counted = CountVectorizer(ngram_range=words, token_pattern=r"\S+").fit_transform(TEXTS)
    expected = [counted]
    if chars:
        # scikit-learn also counts a word shorter than n once, as a whole; here it is no n-gram at all
        split = CountVectorizer(analyzer=lambda text: list(pieces(text, chars))).fit_transform(TEXTS)
        expected.append(split)
    assert ours.shape[1] == sum(each.shape[1] for each in expected)
    assert sorted(ours.sum(axis=1).A1) == sorted(sum(each.sum(axis=1).A1 for each in expected))
    assert sorted(ours.sum(axis=0).A1) == sorted(np.concatenate([each.sum(axis=0).A1 for each in expected]))


def pieces(text: str, sizes: tuple[int, int]) -> list[str]:
    padded = [f" {word} " for word in text.split()]
    return [w[i : i + n] for w in padded for n in range(sizes[0], sizes[1] + 1) for i in range(len(w) - n + 1)]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=300, unique=True), st.randoms())
def test_a_vocabulary_finds_what_it_holds_and_nothing_else(hashes: list[int], random: object) -> None:
    held = np.array(sorted(hashes)[: len(hashes) // 2 + 1], dtype=np.uint64)
    asked = np.array(hashes, dtype=np.uint64)
    at, term = Vocabulary.of(held).find(asked)
    assert list(at) == [place for place, value in enumerate(hashes) if value in set(held.tolist())]
    assert (held[term] == asked[at]).all()


def test_the_same_words_have_the_same_hash_wherever_they_stand() -> None:
    found = occurrences(["kartu hilang", "saya kartu hilang lagi"], (2, 2), None)
    words = [found.joined[a:b] for a, b in zip(found.start, found.stop, strict=True)]
    assert found.hash[words.index("kartu hilang")] == found.hash[words.index("kartu hilang", 1)]
    assert len(set(found.hash.tolist())) == len(set(words))


def test_words_name_what_moved_a_score(featuriser: Featuriser) -> None:
    text = canonical("printer kantor rusak")
    words = featuriser.texts["note"].words(text, 0, 3)
    assert words
    assert all(word in text for word in words)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="ab c1é😡", max_size=30), max_size=6))
def test_texts_are_projected_as_a_sparse_product_would(texts: list[str]) -> None:
    tfidf = learn([canonical(text) for text in TEXTS] + ["a b ab c1", "b a c"], (1, 2), (2, 4), 10_000, min_texts=1)
    projection = np.random.default_rng(1).normal(size=(len(tfidf.vocabulary), 7)).astype(np.float32)
    known = [canonical(text) for text in texts]
    projected = tfidf.project(known, projection)
    assert (bits(projected) == bits(tfidf.matrix(known) @ projection)).all()


def test_rows_are_as_long_as_they_are_one_by_one() -> None:
    """Lengths are summed in float32, in the order of the terms: any other order gives other bits."""
    tfidf = learn(TEXTS, (1, 2), (3, 4), 10_000, min_texts=1)
    counts, found = tfidf.counts(TEXTS), tfidf.matrix(TEXTS)
    for row in range(len(TEXTS)):
        own = slice(counts.indptr[row], counts.indptr[row + 1])
        pairs = zip(counts.data[own], counts.indices[own], strict=True)
        weights = [np.float32(1 + np.log(n)) * tfidf.idf[at] for n, at in pairs]
        total = np.float32(0)
        for weight in weights:
            total = total + weight * weight
        assert (found.data[own] == np.array([weight / np.sqrt(total) for weight in weights], np.float32)).all()


@given(
    st.text(alphabet="ab é😡", max_size=24),
    st.sampled_from([(1, 1), (1, 3), (2, 2)]),
    st.sampled_from([None, (2, 4), (1, 5)]),
)
def test_hashes_are_the_polynomials_that_they_are_said_to_be(
    text: str, words: tuple[int, int], chars: tuple[int, int] | None
) -> None:
    """By Python's own integers."""
    texts = [" ".join(text.split()), "a b"]
    found = occurrences(texts, words, chars)
    padded = [f" {each} " for each in texts]
    assert found.joined == "".join(padded)
    for start, stop, row, hashed in zip(found.start, found.stop, found.row, found.hash, strict=True):
        piece = found.joined[start:stop]
        assert piece in padded[row]
        is_chars = " " in (piece[0], piece[-1]) or int(hashed) & 1
        total = sum((ord(char) + 1) * pow(BASE, at, 2**64) for at, char in enumerate(piece)) % 2**64
        assert int(hashed) | 1 == mixed_by_hand(total) | 1
        assert bool(int(hashed) & 1) == bool(is_chars)


BASE = 0x9E3779B97F4A7C15


def mixed_by_hand(value: int) -> int:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        value = (value ^ (value >> shift)) * factor % 2**64
    return value ^ (value >> 31)


def test_few_hashes_are_looked_up_as_many_are() -> None:
    rng = np.random.default_rng(2)
    held = np.unique(rng.integers(0, 2**64 - 1, 5000, dtype=np.uint64))
    vocabulary = Vocabulary.of(held)
    for asked in (rng.permutation(np.concatenate((held[::7], held[:50] + np.uint64(1)))), held[:0], held[-1:]):
        few, many = vocabulary._halving(asked), vocabulary._in_buckets(asked)
        assert [part.tolist() for part in few] == [part.tolist() for part in many]
