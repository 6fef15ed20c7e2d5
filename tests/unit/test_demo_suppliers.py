from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from pipelines.demo import __main__ as demo
from pipelines.demo.clauses import KINDS
from pipelines.demo.suppliers import chance, make_suppliers, make_traits, make_transactions, suppliers_csv
from pipelines.labelled import labelled_rows
from serve_app.adapters.config_files import load_use_case
from serve_app.core.answers import Verdict
from serve_app.core.decision import decide
from serve_app.core.narrative import unknown_names
from serve_app.core.prompt import render
from serve_app.core.use_case import UseCase

FOLDER = demo.FOLDER


@pytest.fixture(scope="module")
def frame():
    return make_suppliers()


def test_the_committed_file_is_what_the_seed_gives(frame):
    assert (FOLDER / "suppliers.csv").read_bytes() == suppliers_csv(frame).encode()


def test_the_same_seed_gives_the_same_suppliers_and_another_does_not():
    assert make_suppliers(40, 90, 5).equals(make_suppliers(40, 90, 5))
    assert not make_suppliers(40, 90, 5).equals(make_suppliers(40, 90, 6))


def test_transactions_are_spread_over_all_suppliers():
    made = make_suppliers(50, 120, 1)
    assert made["transaction_count"].sum() == 120
    assert made["transaction_count"].min() >= 1


def test_too_few_transactions_are_refused():
    with pytest.raises(ValueError, match="at least as many"):
        make_suppliers(10, 9, 1)


def test_features_are_sums_of_the_transactions():
    rng = np.random.default_rng(3)
    made = make_transactions(rng, make_traits(rng, 5), 60)
    assert len(made) == 60
    assert set(made["supplier"]) == set(range(5))
    assert (made["amount"] > 0).all()


def test_a_quarter_is_risky_and_some_values_are_missing(frame):
    assert 0.2 <= (frame["risk"] == "risky").mean() <= 0.3
    assert 0.02 <= frame["years_in_business"].isna().mean() <= 0.1
    assert 0 < (frame["contract_text"] == "").mean() < 0.1


def test_the_label_can_be_learned_but_not_wholly():
    rng = np.random.default_rng(9)
    traits = make_traits(rng, 20_000)
    harmful = rng.random((20_000, len(KINDS))) < 0.15
    chances = chance(traits, harmful)
    assert 0.87 <= roc_auc_score(rng.random(20_000) < chances, chances) <= 0.95


def test_figures_alone_and_words_alone_tell_something(frame):
    risky = frame["risk"] == "risky"
    assert roc_auc_score(risky, frame["avg_payment_delay_days"]) > 0.6
    unlimited = frame["contract_text"].str.contains("is unlimited|without any limitation|tidak dibatasi|No cap")
    assert risky[unlimited].mean() > 1.3 * risky[~unlimited].mean()


def test_the_use_case_reads_every_row_of_its_file():
    use_case = load_use_case(FOLDER)
    labelled = labelled_rows(use_case, pd.read_csv(FOLDER / "suppliers.csv"))
    assert labelled.skipped == 0
    assert UseCase.model_validate(yaml.safe_load((FOLDER / "use_case.yaml").read_text())) == use_case
    assert use_case.narrative is not None
    assert unknown_names(use_case.narrative.template) == []


@pytest.mark.parametrize(("score", "action"), [(0.9, "ALERT"), (0.6, "ALERT"), (0.4, "WATCH"), (0.1, "OK")])
def test_scores_become_actions(score, action):
    decision = load_use_case(FOLDER).decision
    assert decide(decision, Verdict("student", "risky", score, score), {}).action == action


def test_prompts_hold_no_placeholder_that_nothing_fills():
    use_case = load_use_case(FOLDER)
    for name in ("prompt.md", "narrative.md"):
        assert "{" not in render((FOLDER / name).read_text(encoding="utf-8"), use_case)


def test_the_demo_prints_a_scored_supplier(capsys):
    demo.main(["--suppliers", "120", "--transactions", "300", "--seed", "123"])
    parts = [json.loads(part.split("\n", 1)[1]) for part in capsys.readouterr().out.split("# ")[1:]]
    generated, _, scored = parts
    assert (generated["suppliers"], generated["transactions"]) == (120, 300)
    assert 0 <= scored["risk_score"] <= 1
    assert scored["decision"] in ("ALERT", "WATCH", "OK")
    assert scored["top_features"]
    assert scored["narrative_source"] == "template"


@pytest.mark.parametrize("supplier", ['{"annual_revenue": "much", "avg_payment_delay_days": 1}', "{}"])
def test_the_demo_refuses_a_bad_supplier_in_one_line(supplier):
    with pytest.raises(SystemExit, match="InvalidInput"):
        demo.main(["--suppliers", "60", "--transactions", "90", "--seed", "1", "--supplier", supplier])


def test_csv_reads_back(frame):
    again = pd.read_csv(io.StringIO(suppliers_csv(frame)), keep_default_na=True)
    assert len(again) == len(frame)
    assert Path(FOLDER / "suppliers.csv").stat().st_size < 3_000_000
