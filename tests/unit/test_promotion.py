"""The rule on made-up answers whose true quality is known: what it lets in, what it keeps out, how often."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import f1_score

from serve_app.core.answers import ClassAnswers, NoStudent, StudentAnswers, ValueAnswers
from serve_app.core.promotion import Contest, Gold, Ruling, rule
from serve_app.core.resampling import (
    calibrated_errors,
    chance_of_more,
    macro_f1,
    macro_f1_differences,
    shown_to_lose,
    sums,
)
from serve_app.core.use_case import Classification, Gate, Regression

GATE = Gate()
FOUR = Classification(kind="classification", column="label", classes=("a", "b", "c", "d"))
MANY = Classification(kind="classification", column="label", classes=tuple(f"c{k:02d}" for k in range(77)))
NUMBER = Regression(kind="regression", column="price")


@dataclass(frozen=True)
class World:
    """Rows of one target, each as hard as ``sureness`` says: the chance that a good student is right."""

    target: Classification
    truth: npt.NDArray[np.intp]
    sureness: npt.NDArray[np.float64]
    rng: np.random.Generator

    @classmethod
    def of(cls, rows: int, seed: int, target: Classification = FOUR, shares: Any = None, easy: float = 5.0) -> World:
        rng = np.random.default_rng(seed)
        count = len(target.classes)
        truth = rng.choice(count, rows, p=shares) if shares is not None else np.arange(rows) % count
        return cls(target, truth, 1 / count + (1 - 1 / count) * rng.beta(easy, 1, rows), rng)

    def gold(self, served: npt.NDArray[np.bool_] | None = None) -> Gold:
        origin = np.full(len(self.truth), "file", dtype=object)
        if served is not None:
            origin[served] = "person"
        return Gold(np.array(self.target.classes, dtype=object)[self.truth], origin)

    def best(self, like: npt.NDArray[np.intp] | None = None, differs: float = 0.3) -> npt.NDArray[np.intp]:
        """Right as often as ``sureness``; ``like`` another but on a share of the rows that it answers anew."""
        count = len(self.target.classes)
        wrong = (self.truth + self.rng.integers(1, count, len(self.truth))) % count
        fresh = np.where(self.rng.random(len(self.truth)) < self.sureness, self.truth, wrong)
        return fresh if like is None else np.where(self.rng.random(len(self.truth)) < differs, fresh, like)

    def worse(self, best: npt.NDArray[np.intp], share: float) -> npt.NDArray[np.intp]:
        """Wrong on a share of the rows more."""
        count = len(self.target.classes)
        spoilt = self.rng.random(len(best)) < share
        return np.where(spoilt, (self.truth + self.rng.integers(1, count, len(best))) % count, best)

    def answers(self, best: npt.NDArray[np.intp], sureness: Any = None) -> ClassAnswers:
        top = np.broadcast_to(self.sureness if sureness is None else sureness, best.shape)
        count = len(self.target.classes)
        chances = np.repeat(((1 - top) / (count - 1))[:, None], count, axis=1)
        chances[np.arange(len(best)), best] = top
        return ClassAnswers(self.target.classes, chances, "1")

    def ruled(self, challenger: StudentAnswers, gate: Gate = GATE, seed: int = 0, **more: Any) -> Ruling:
        contest = Contest(more.pop("gold", self.gold()), challenger, **more)
        return rule(gate, self.target, contest, np.random.default_rng(seed))


# -- bootstrap and tests -------------------------------------------------------------------------------------------


def test_macro_f1_is_sklearns() -> None:
    world = World.of(500, 1)
    best = world.best()
    expected = f1_score(world.truth, best, labels=np.unique(world.truth), average="macro", zero_division=0)
    assert macro_f1(world.truth, best) == pytest.approx(expected, abs=1e-12)


def test_drawing_cells_is_drawing_rows() -> None:
    """The same mean and spread as a bootstrap that draws row by row, judged by sklearn."""
    world, rng = World.of(150, 2), np.random.default_rng(0)
    mine = world.best()
    theirs = world.best(mine)
    drawn = macro_f1_differences(world.truth, mine, theirs, 4000, rng)
    slow = []
    for _ in range(400):
        at = rng.integers(0, 150, 150)
        score = [f1_score(world.truth[at], best[at], labels=np.arange(4), average="macro", zero_division=0)
                 for best in (mine, theirs)]  # fmt: skip
        slow.append(score[0] - score[1])
    assert drawn.mean() == pytest.approx(np.mean(slow), abs=0.004)
    assert drawn.std() == pytest.approx(np.std(slow), rel=0.15)


def test_a_thousand_resamples_of_two_thousand_rows_and_77_classes_take_less_than_a_second() -> None:
    world = World.of(2000, 3, MANY)
    mine, theirs = world.best(), world.best()
    started = time.perf_counter()
    macro_f1_differences(world.truth, mine, theirs, 1000, np.random.default_rng(0))
    assert time.perf_counter() - started < 1


def test_the_bound_holds_as_often_as_it_says() -> None:
    """Two students of the same true quality: the lower bound of the difference is above 0 in 5 % of samples."""
    above = 0
    for seed in range(400):
        world = World.of(400, seed)
        mine = world.best()
        drawn = macro_f1_differences(world.truth, mine, world.best(mine), 300, np.random.default_rng(seed))
        above += np.quantile(drawn, 0.05) > 0
    assert 0.02 <= above / 400 <= 0.09


def test_the_sign_test_is_exact() -> None:
    assert chance_of_more([3, 0, 10, 1], [0, 0, 0, 1]) == pytest.approx([1 / 8, 1, 2.0**-10, 3 / 4])


def test_of_many_classes_one_that_is_lost_is_found_and_the_others_are_not() -> None:
    losses, wins = np.full(77, 1), np.full(77, 1)
    losses[5], wins[5] = 10, 0
    assert np.flatnonzero(shown_to_lose(losses, wins, 0.05)).tolist() == [5]
    assert 2.0**-10 > 0.05 / 77  # which dividing by the number of classes would have missed


def test_groups_are_drawn_together() -> None:
    values, group = np.repeat(np.random.default_rng(0).normal(0, 1, 20), 50), np.repeat(np.arange(20), 50)
    together = sums(values[:, None], group, 500, np.random.default_rng(1)).std() / 1000
    apart = sums(values[:, None], None, 500, np.random.default_rng(1)).std() / 1000
    assert together == pytest.approx(values[::50].std() / 20**0.5, rel=0.15)
    assert together > 5 * apart


def test_even_the_best_calibrated_student_shows_an_error() -> None:
    world = World.of(200, 4)
    chance = calibrated_errors(world.sureness, 500, np.random.default_rng(0))
    assert 0.01 < chance.mean() < 0.08


def test_rows_that_are_alike_count_as_one_question() -> None:
    """2000 rows, but 40 questions: what 2000 of their own would show is not shown."""
    world = World.of(40, 30)
    question = np.repeat(np.arange(40), 50)
    world = replace(world, truth=world.truth[question], sureness=world.sureness[question])
    champion = world.truth.copy()
    champion[question == 0] = (champion[question == 0] + 1) % 4
    challenger = world.truth.copy()
    challenger[question == 1] = (challenger[question == 1] + 1) % 4
    alike = replace(world.gold(), group=question)
    apart = macro_f1_differences(world.truth, challenger, champion, 500, np.random.default_rng(0))
    together = macro_f1_differences(world.truth, challenger, champion, 500, np.random.default_rng(0), question)
    assert together.std() > 5 * apart.std()
    answers = world.answers(challenger), world.answers(champion)
    assert alike.spread() == pytest.approx(50**0.5)
    assert world.ruled(answers[0], gold=alike, champion=answers[1]).codes() == {"too_close"}
    sure = world.answers(np.where(question < 7, (world.truth + 1) % 4, world.truth), 0.95 + 0.0001 * question)
    assert "overconfident" in world.ruled(sure).codes()
    assert "overconfident" not in world.ruled(sure, gold=alike).codes()


# -- what it lets in -----------------------------------------------------------------------------------------------


def test_a_better_student_is_promoted_and_every_figure_is_there() -> None:
    world = World.of(500, 5)
    good = world.best()
    ruling = world.ruled(world.answers(good), champion=world.answers(world.worse(good, 0.1)))
    assert ruling.outcome == "promote"
    assert ruling.codes() == {"passed"}
    assert {"macro_f1", "champion_macro_f1", "macro_f1_lower", "ece", "ece_by_chance", "overconfidence", "gold_rows",
            "majority_accuracy", "sure_share", "confidence_p50"} <= set(ruling.figures)  # fmt: skip
    assert all(isinstance(value, float) and np.isfinite(value) for value in ruling.figures.values())


def test_a_first_student_has_no_rival() -> None:
    world = World.of(300, 6)
    assert world.ruled(world.answers(world.best())).outcome == "promote"


def test_the_same_contest_gives_the_same_ruling() -> None:
    world = World.of(300, 7)
    good = world.best()
    answers, champion = world.answers(world.best(good)), world.answers(good)
    assert world.ruled(answers, champion=champion) == world.ruled(answers, champion=champion)


@pytest.mark.parametrize(("target", "rows"), [(FOUR, 300), (MANY, 2000)])
def test_an_honest_first_student_is_hardly_ever_refused(target: Classification, rows: int) -> None:
    outcomes = []
    for seed in range(60):
        world = World.of(rows, seed, target)
        outcomes.append(world.ruled(world.answers(world.best()), Gate(resamples=200)).outcome)
    assert outcomes.count("promote") >= 58


@pytest.mark.parametrize(("doubtful", "least", "most"), [(0.17, 57, 60), (0.0, 0, 30)])
def test_a_student_calibrated_on_a_teacher_who_errs_is_not_overconfident(
    doubtful: float, least: int, most: int
) -> None:
    """Its confidence is right about the teacher's labels, of which 17 % are wrong: gold bears out less of it."""
    outcomes = []
    for seed in range(60):
        world = World.of(300, 300 + seed)
        answers = world.answers(world.worse(world.best(), 0.17))
        outcomes.append(world.ruled(answers, Gate(resamples=200), doubtful=doubtful).outcome)
    assert least <= outcomes.count("promote") <= most


@pytest.mark.parametrize(("target", "rows"), [(FOUR, 300), (MANY, 2000)])
def test_a_student_as_good_as_the_champion_is_hardly_ever_refused(target: Classification, rows: int) -> None:
    """It may be too close to tell, which is no refusal; and 77 classes do not make it one."""
    outcomes, codes = [], []
    for seed in range(40):
        world = World.of(rows, 100 + seed, target)
        champion = world.best()
        ruling = world.ruled(
            world.answers(world.best(champion, 0.1)), Gate(resamples=200), champion=world.answers(champion)
        )
        outcomes.append(ruling.outcome)
        codes += [] if ruling.outcome != "refuse" else list(ruling.codes())
    assert outcomes.count("refuse") <= 2, codes


def test_more_gold_tells_more() -> None:
    """Power: a student that is as good passes the more often the more gold there is."""
    shares = []
    for rows in (300, 2000, 10_000):
        passed = 0
        for seed in range(40):
            world = World.of(rows, 200 + seed)
            champion = world.best()
            ruling = world.ruled(
                world.answers(world.best(champion, 0.2)), Gate(resamples=200), champion=world.answers(champion)
            )
            passed += ruling.outcome == "promote"
        shares.append(passed / 40)
    assert shares[0] < shares[1] <= shares[2]
    assert shares[2] >= 0.95


# -- what it keeps out ---------------------------------------------------------------------------------------------


def test_a_student_that_is_worse_by_more_than_the_margin_hardly_ever_passes() -> None:
    passed = 0
    for seed in range(100):
        world = World.of(500, 300 + seed)
        champion = world.best()
        worse = world.worse(world.best(champion, 0.1), 0.03)
        passed += world.ruled(world.answers(worse), Gate(resamples=200), champion=world.answers(champion)).outcome == (
            "promote"
        )
    assert passed <= 8


def test_worse_than_the_champion() -> None:
    world = World.of(500, 8)
    good = world.best()
    ruling = world.ruled(world.answers(world.worse(good, 0.15)), champion=world.answers(good))
    assert ruling.outcome == "refuse"
    assert "worse_than_champion" in ruling.codes()


def test_too_close_to_tell_is_left_to_a_person_with_the_gold_it_would_take() -> None:
    world = World.of(300, 9)
    good = world.best()
    ruling = next(
        found
        for _ in range(20)
        if (found := world.ruled(world.answers(world.best(good, 0.5)), champion=world.answers(good))).outcome
        == "person"
    )
    assert ruling.codes() == {"too_close"}
    assert ruling.figures["gold_needed"] > 300
    assert "gold rows could tell" in ruling.reasons[0].text


@pytest.mark.parametrize(("target", "rows"), [(FOUR, 400), (MANY, 2000)])
def test_a_class_that_is_lost_is_named(target: Classification, rows: int) -> None:
    world = World.of(rows, 10, target)
    champion = world.best()
    challenger = np.where(champion == 2, 1, world.best(champion, 0.05))
    ruling = world.ruled(world.answers(challenger), champion=world.answers(champion))
    assert ruling.outcome == "refuse"
    assert "class_lost" in ruling.codes()
    lost = [reason.text for reason in ruling.reasons if reason.code == "class_lost"]
    assert len(lost) == 1
    assert repr(target.classes[2]) in lost[0]
    assert ruling.figures[f"recall_loss.{target.classes[2]}"] > 0.5


def test_a_class_of_few_gold_rows_is_not_judged_alone() -> None:
    world = World.of(400, 11, shares=[0.4, 0.39, 0.01, 0.2])
    champion = np.where(world.truth == 2, 2, world.best())
    challenger = np.where(world.truth == 2, 1, champion)
    ruling = world.ruled(world.answers(challenger), Gate(macro_f1=1.0), champion=world.answers(champion))
    assert "class_lost" not in ruling.codes()


def test_a_constant_student() -> None:
    world = World.of(400, 12)
    ruling = world.ruled(world.answers(np.zeros(400, dtype=np.intp), 0.25))
    assert ruling.outcome == "refuse"
    assert {"constant", "not_better_than_majority"} <= ruling.codes()


def test_one_confidence_for_right_and_wrong() -> None:
    world = World.of(400, 13)
    best = world.best()
    right = float((best == world.truth).mean())
    assert world.ruled(world.answers(best, right)).codes() == {"one_confidence"}
    assert world.ruled(world.answers(world.truth, 1.0)).outcome == "promote"  # there is nothing to tell apart


def test_a_diverged_softmax_has_a_code_of_its_own() -> None:
    world = World.of(400, 14)
    wrong = world.worse(world.best(), 0.9)
    sure = 0.8 + 0.2 * world.rng.random(400)
    assert {"diverged", "overconfident", "miscalibrated"} <= world.ruled(world.answers(wrong, sure)).codes()
    boastful = world.worse(world.truth, 0.3)
    assert "diverged" not in world.ruled(world.answers(boastful, sure)).codes()


def test_overconfident_and_miscalibrated() -> None:
    world = World.of(400, 15, easy=1.0)
    best = world.best()
    boastful = world.ruled(world.answers(best, np.sqrt(world.sureness)))
    assert {"overconfident", "miscalibrated"} <= boastful.codes()
    humble = world.ruled(world.answers(best, 0.26 + 0.3 * world.sureness**3))
    assert humble.codes() == {"miscalibrated"}


def test_no_better_than_the_most_frequent_class() -> None:
    world = World.of(400, 16, shares=[0.7, 0.1, 0.1, 0.1])
    guesses = world.rng.choice(4, 400, p=[0.7, 0.1, 0.1, 0.1])
    ruling = world.ruled(world.answers(guesses, 0.52 + 0.01 * world.rng.random(400)))
    assert ruling.codes() == {"not_better_than_majority"}


def test_a_rare_class_is_beaten_by_log_loss() -> None:
    """Where 95 % are of one class, hardly any answer differs from it, and the probabilities are the gain."""
    rng = np.random.default_rng(17)
    risky = Classification(kind="classification", column="label", classes=("no", "yes"))
    chance = np.clip(rng.beta(0.25, 4, 2000), 0.001, 0.55)
    yes = rng.random(2000) < chance
    world = World(risky, yes.astype(np.intp), chance, rng)
    knowing = ClassAnswers(risky.classes, np.stack((1 - chance, chance), axis=1), "1")
    ruling = world.ruled(knowing)
    assert ruling.figures["accuracy"] == pytest.approx(ruling.figures["majority_accuracy"], abs=0.01)
    assert ruling.outcome == "promote"


def test_better_on_its_own_held_out_rows_than_on_gold() -> None:
    world = World.of(400, 18)
    best = world.best()
    right = float((best == world.truth).mean())
    assert world.ruled(world.answers(best), held_out={"accuracy": right + 0.05}).outcome == "promote"
    assert world.ruled(world.answers(best), held_out={"accuracy": right + 0.15}).codes() == {"leak"}


def test_good_on_rows_from_files_and_bad_on_rows_asked_live() -> None:
    world = World.of(500, 19)
    served = np.arange(500) % 5 == 0
    champion = world.best()
    leaky = np.where(served, world.worse(champion, 0.4), world.truth)
    sure = np.where(served, 0.6, 0.97)
    for rival in (None, world.answers(champion)):
        ruling = world.ruled(world.answers(leaky, sure), gold=world.gold(served), champion=rival)
        assert "leak" in ruling.codes()
    assert ruling.figures["served_gap"] > 0.3


def test_rows_asked_live_may_be_harder_for_both() -> None:
    """People label what was hard: a gap that the champion has as well is no leak."""
    world = World.of(500, 20)
    served = np.arange(500) % 5 == 0
    world = replace(world, sureness=np.where(served, 0.45, world.sureness))
    champion = world.best()
    ruling = world.ruled(
        world.answers(world.best(champion, 0.02)), gold=world.gold(served), champion=world.answers(champion)
    )
    assert "leak" not in ruling.codes()
    assert ruling.figures["served_gap"] > 0.2


def test_small_losses_do_not_add_up() -> None:
    """Each challenger loses a little less than the margin to the champion before it; the best champion so far
    stops that."""
    world = World.of(4000, 21)
    first = world.best()
    champion, scores = first, [macro_f1(world.truth, first)]
    rulings = []
    for _ in range(5):
        challenger = world.worse(champion, 0.012)
        anchor = None if champion is first else world.answers(first)
        rulings.append(world.ruled(world.answers(challenger), champion=world.answers(champion), anchor=anchor))
        if rulings[-1].outcome == "promote":
            champion = challenger
            scores.append(macro_f1(world.truth, champion))
    assert rulings[0].outcome == "promote"
    assert "worse_than_anchor" in rulings[-1].codes()
    assert min(scores) >= scores[0] - GATE.macro_f1


def test_a_step_up_is_none_down_wherever_the_anchor_stands() -> None:
    world = World.of(500, 22)
    anchor = world.best()
    challenger = world.worse(anchor, 0.08)
    champion = world.worse(challenger, 0.15)
    ruling = world.ruled(world.answers(challenger), champion=world.answers(champion), anchor=world.answers(anchor))
    assert "worse_than_anchor" not in ruling.codes()


def test_probabilities_that_are_no_numbers() -> None:
    world = World.of(200, 23)
    broken = world.answers(world.best())
    broken.probabilities[3] = np.nan
    assert world.ruled(broken).codes() == {"not_finite"}


# -- little gold ---------------------------------------------------------------------------------------------------


def test_with_little_gold_only_a_person_can_promote() -> None:
    world = World.of(40, 24, easy=30.0)
    good = world.best()
    ruling = world.ruled(world.answers(good), champion=world.answers(world.worse(good, 0.3)))
    assert ruling.outcome == "person"
    assert ruling.codes() == {"too_little_gold"}
    assert ruling.figures["gold_needed"] == 100
    assert "60 more are needed" in ruling.reasons[0].text


def test_what_is_certain_refuses_even_then() -> None:
    world = World.of(40, 25, easy=30.0)
    good = world.best()
    ruling = world.ruled(world.answers(world.worse(good, 0.9), 0.97), champion=world.answers(good))
    assert ruling.outcome == "refuse"
    assert "diverged" in ruling.codes()


def test_what_is_not_certain_is_told() -> None:
    """17 of 20 right and 0.97 sure: more than the margin, but it may be chance."""
    world = World.of(20, 26)
    best = np.where(np.arange(20) < 3, (world.truth + 1) % 4, world.truth)
    ruling = world.ruled(world.answers(best, 0.969 + 0.0001 * np.arange(20)))
    assert ruling.outcome == "person"
    assert {"too_little_gold", "overconfident"} <= ruling.codes()


def test_no_gold_and_no_answers() -> None:
    empty = Gold(np.array([], dtype=object), np.array([], dtype=object))
    answers = ClassAnswers(FOUR.classes, np.zeros((0, 4)), "1")
    assert rule(GATE, FOUR, Contest(empty, answers), np.random.default_rng(0)).outcome == "person"
    ruling = rule(GATE, FOUR, Contest(empty, NoStudent(0)), np.random.default_rng(0))
    assert ruling.codes() == {"no_answers"}


# -- numbers -------------------------------------------------------------------------------------------------------


def prices(rows: int, seed: int) -> tuple[npt.NDArray[np.float64], np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.uniform(10, 100, rows), rng


def priced(truth: Any, rng: np.random.Generator, noise: float, wide: float = 1.0) -> ValueAnswers:
    """Off by ``noise`` (normal); the interval holds 80 % of the truth when ``wide`` is 1."""
    value = truth + rng.normal(0, noise, len(truth))
    return ValueAnswers(value, value - 1.2816 * noise * wide, value + 1.2816 * noise * wide, "1")


def ruled(truth: Any, challenger: ValueAnswers, champion: ValueAnswers | None = None, **more: Any) -> Ruling:
    gold = Gold(truth, np.full(len(truth), "file", dtype=object), **more)
    return rule(GATE, NUMBER, Contest(gold, challenger, champion), np.random.default_rng(0))


def test_numbers_are_judged_by_pinball_loss() -> None:
    truth, rng = prices(1000, 1)
    good, bad = priced(truth, rng, 5), priced(truth, rng, 6)
    better = ruled(truth, good, bad)
    assert better.outcome == "promote"
    assert {"pinball", "champion_pinball", "coverage", "baseline_mae"} <= set(better.figures)
    worse = ruled(truth, bad, good)
    assert (worse.outcome, worse.codes()) == ("refuse", {"worse_pinball"})


def test_numbers_too_close_to_tell() -> None:
    truth, rng = prices(120, 2)
    outcomes = {ruled(truth, priced(truth, rng, 5), priced(truth, rng, 5.1)).outcome for _ in range(10)}
    assert "person" in outcomes


def test_an_interval_that_misses_its_aim() -> None:
    truth, rng = prices(1000, 3)
    for wide in (0.4, 3.0):
        assert ruled(truth, priced(truth, rng, 5, wide)).codes() == {"coverage_off"}


def test_numbers_must_beat_the_baseline() -> None:
    truth, rng = prices(1000, 4)
    near, far = truth + rng.normal(0, 1, 1000), truth + rng.normal(0, 20, 1000)
    near[::10] = np.nan
    assert "worse_than_baseline" in ruled(truth, priced(truth, rng, 5), baseline=near).codes()
    assert ruled(truth, priced(truth, rng, 5), baseline=far).outcome == "promote"
    assert "worse_than_baseline" in ruled(truth, priced(truth, rng, 60)).codes()


def test_a_constant_number() -> None:
    truth, _ = prices(1000, 5)
    same = np.full(1000, 55.0)
    assert "constant" in ruled(truth, ValueAnswers(same, same - 36, same + 36, "1")).codes()


def test_days_that_are_alike_count_as_one() -> None:
    """Of two students that are the same but for luck on four days, rows by themselves would tell a winner."""
    truth, rng = prices(2000, 6)
    day = np.repeat(np.arange(8), 250)
    luck = np.where(np.isin(day, (0, 1, 2, 3)), 0.9, 1.0)
    champion = priced(truth, rng, 5)
    value = truth + (champion.value - truth) * np.where(day == 7, 1.35, luck)
    challenger = ValueAnswers(value, value - 6.4, value + 6.4, "1")
    apart, together = ruled(truth, challenger, champion), ruled(truth, challenger, champion, group=day)
    assert together.figures["pinball_upper"] > apart.figures["pinball_upper"]
    assert together.outcome == "person"
    assert apart.outcome == "promote"
