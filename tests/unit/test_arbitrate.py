"""Who wins a disagreement is learned from gold, and never costs more than chance over the best fixed rule."""

from __future__ import annotations

import numpy as np

from serve_app.core.arbitrate import learn_arbiter
from serve_app.core.arbitration import Arbiter

Said = tuple[str, str, str]


def learned(*rows: tuple[Said, int]) -> Arbiter:
    every = [said for said, count in rows for _ in range(count)]
    return learn_arbiter(*([said[place] for said in every] for place in range(3)))


def test_a_pair_that_the_student_knows_better_is_its_own() -> None:
    found = learned((("a", "b", "a"), 40), (("a", "b", "b"), 5), (("c", "d", "d"), 60), (("c", "d", "c"), 5))
    assert found.otherwise == "teacher"
    assert found.winner("a", "b") == "student"
    assert found.winner("c", "d") == "teacher"
    assert found.winner("b", "a") == "teacher"  # nobody has seen it


def test_where_the_student_is_right_more_often_a_pair_may_still_be_the_teachers() -> None:
    found = learned((("a", "b", "a"), 200), (("a", "b", "b"), 20), (("c", "d", "d"), 50), (("c", "d", "c"), 2))
    assert found.otherwise == "student"
    assert found.winner("c", "d") == "teacher"
    assert found.winner("x", "y") == "student"


def test_three_rows_are_not_enough_to_depart_from_what_all_others_say() -> None:
    others = [((f"c{n}", f"d{n}", f"d{n}"), 20) for n in range(10)]
    found = learned((("a", "b", "a"), 3), *others)
    assert found.winner("a", "b") == "teacher"


def test_agreement_and_rows_where_neither_was_right_say_nothing() -> None:
    found = learned((("a", "a", "a"), 50), (("a", "b", "c"), 50))
    assert found.otherwise == "teacher"
    assert found.pairs["a"]["b"].rows == 50
    assert (found.pairs["a"]["b"].student, found.pairs["a"]["b"].teacher) == (0, 0)
    assert "a" not in found.pairs["a"]
    assert learned().winner("a", "b") == "teacher"


def test_over_many_worlds_it_is_never_worse_than_the_best_fixed_rule_beyond_noise() -> None:
    """Each world: pairs of classes, of which the student wins shares around its own overall; 300 rows of
    gold teach, endless ones judge. ``gain``: over the better of the two fixed rules, as known in hindsight."""
    chance, gains = np.random.default_rng(5), []
    for _ in range(150):
        pairs, likeness, rate = int(chance.integers(2, 60)), float(chance.choice([2, 8, 50])), chance.uniform(0.2, 0.8)
        share = chance.dirichlet(np.full(pairs, 0.7))
        wins = chance.beta(likeness * rate, likeness * (1 - rate), pairs)
        seen = chance.choice(pairs, 300, p=share)
        own, other = [f"s{n}" for n in seen], [f"t{n}" for n in seen]
        gold = [f"s{n}" if chance.random() < wins[n] else f"t{n}" for n in seen]
        arbiter = learn_arbiter(own, other, gold)
        ours = [wins[n] if arbiter.winner(f"s{n}", f"t{n}") == "student" else 1 - wins[n] for n in range(pairs)]
        best = max(float(share @ wins), float(share @ (1 - wins)))
        gains.append(float(share @ np.array(ours)) - best)
    assert np.mean(gains) > 0.01
    assert np.quantile(gains, 0.02) > -0.05
    assert min(gains) > -0.1
    assert np.mean(np.array(gains) < -0.02) < 0.1
