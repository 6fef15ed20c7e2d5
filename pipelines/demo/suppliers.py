"""Sample suppliers that the project makes itself: payments, figures, a contract, and a noisy label.

    python -m pipelines.demo.suppliers > configs/use_cases/supplier_risk/suppliers.csv

A supplier has traits that nobody sees (how punctual, how quarrelsome, how sound). Transactions are
drawn from them and summed up to features; the label is drawn from a logistic model on the traits.
So the features tell a good deal of the risk, and never all of it.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.demo.clauses import KINDS, contract

SEED = 42
SUPPLIERS = 1500
TRANSACTIONS = 22_500
LATE_DAYS = 7
MISSING = {"years_in_business": 0.05, "credit_score": 0.12, "contract_value": 0.06}

Floats = npt.NDArray[np.float64]


def make_suppliers(suppliers: int = SUPPLIERS, transactions: int = TRANSACTIONS, seed: int = SEED) -> pd.DataFrame:
    """One row a supplier: ``supplier_id``, the features, ``contract_text`` and ``risk`` (ok, risky).

    ``transactions`` are spread over all suppliers, at least one each; raises ValueError when there
    are fewer. Money is in US dollars. Missing numbers are NaN, a missing contract is ""."""
    if suppliers < 1 or transactions < suppliers:
        raise ValueError(f"{suppliers} suppliers need at least as many transactions, not {transactions}")
    rng = np.random.default_rng(seed)
    traits = make_traits(rng, suppliers)
    harmful = rng.random((suppliers, len(KINDS))) < 1 / (1 + np.exp(1.9 - 0.9 * traits["greed"].to_numpy()[:, None]))
    risky = rng.random(suppliers) < chance(traits, harmful)
    frame = _figures(rng, traits).join(_summed(make_transactions(rng, traits, transactions)))
    frame["contract_text"] = _contracts(rng, harmful)
    frame["risk"] = np.where(risky, "risky", "ok")
    frame.insert(0, "supplier_id", [f"SUP-{number:05d}" for number in range(1, suppliers + 1)])
    return _with_gaps(rng, frame)


def make_traits(rng: np.random.Generator, suppliers: int) -> pd.DataFrame:
    """Independent standard normals but for ``distress``, which lateness and quarrels lean on, and
    ``size``, the log of the revenue."""
    distress = rng.normal(size=suppliers)
    return pd.DataFrame(
        {
            "distress": distress,
            "lateness": 0.6 * distress + 0.8 * rng.normal(size=suppliers),
            "quarrels": 0.4 * distress + 0.9 * rng.normal(size=suppliers),
            "greed": rng.normal(size=suppliers),
            "size": rng.normal(13.2, 1.4, suppliers),
            "dependence": rng.normal(size=suppliers),
            "age": rng.gamma(2.0, 6.0, suppliers),
        }
    )


def chance(traits: pd.DataFrame, harmful: npt.NDArray[np.bool_]) -> Floats:
    """The chance (n,) that a supplier is risky, given all that nobody sees; ``harmful`` is
    (n, kinds of clauses). Scored by this, risky and ok suppliers part with an AUC of about 0.9."""
    weights = np.linspace(1.4, 0.8, harmful.shape[1])
    young = np.exp(-traits["age"] / 4)
    logit = (
        -4.0
        + 1.0 * traits["distress"]
        + 1.3 * traits["lateness"]
        + 0.5 * traits["quarrels"]
        + 0.5 * traits["dependence"]
        + 1.5 * young
        + harmful @ weights
        + 0.8 * harmful[:, 0] * (traits["lateness"] > 0.5)
    )
    return np.asarray(1 / (1 + np.exp(-logit)), dtype=np.float64)


def make_transactions(rng: np.random.Generator, traits: pd.DataFrame, transactions: int) -> pd.DataFrame:
    """One row a transaction: ``supplier`` (its row), ``amount``, ``delay_days``, ``disputed``."""
    busy = np.exp(0.5 * (traits["size"] - traits["size"].mean()).to_numpy() + rng.normal(0, 0.5, len(traits)))
    more = rng.choice(len(traits), size=transactions - len(traits), p=busy / busy.sum())
    supplier = np.concatenate([np.arange(len(traits)), more])
    own = traits.iloc[supplier]
    mean_delay = -2 + 9 * np.exp(0.75 * own["lateness"].to_numpy())
    often = 1 / (1 + np.exp(3.3 - 0.9 * own["quarrels"].to_numpy()))
    return pd.DataFrame(
        {
            "supplier": supplier,
            "amount": np.exp(rng.normal(own["size"].to_numpy() - 5.5, 0.8)).round(2),
            "delay_days": np.round(rng.normal(mean_delay, 12) + rng.exponential(6, transactions)),
            "disputed": rng.random(transactions) < often,
        }
    )


def _summed(transactions: pd.DataFrame) -> pd.DataFrame:
    late = transactions.assign(late=transactions["delay_days"] > LATE_DAYS)
    return late.groupby("supplier").agg(
        avg_payment_delay_days=("delay_days", lambda days: round(days.mean(), 2)),
        max_payment_delay_days=("delay_days", "max"),
        late_payment_share=("late", lambda late: round(late.mean(), 4)),
        dispute_count=("disputed", "sum"),
        transaction_count=("amount", "size"),
        transaction_volume=("amount", lambda amounts: round(amounts.sum(), 2)),
    )


def _figures(rng: np.random.Generator, traits: pd.DataFrame) -> pd.DataFrame:
    revenue = np.exp(traits["size"].to_numpy())
    share = 1 / (1 + np.exp(2.2 - 0.8 * traits["dependence"].to_numpy() - rng.normal(0, 0.3, len(traits))))
    score = 655 - 60 * traits["distress"].to_numpy() + rng.normal(0, 35, len(traits))
    return pd.DataFrame(
        {
            "annual_revenue": revenue.round(-2),
            "contract_value": np.maximum((revenue * share).round(-2), 100),
            "years_in_business": np.floor(traits["age"].to_numpy()),
            "credit_score": np.clip(np.round(score), 300, 850),
        }
    )


def _contracts(rng: np.random.Generator, harmful: npt.NDArray[np.bool_]) -> list[str]:
    """Now and then the contract is not at hand."""
    kinds = np.array(KINDS)
    return ["" if rng.random() < 0.04 else contract(rng, kinds[row].tolist()) for row in harmful]


def _with_gaps(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    gaps = {name: frame[name].mask(rng.random(len(frame)) < share) for name, share in MISSING.items()}
    return frame.assign(**gaps)


def suppliers_csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n")


if __name__ == "__main__":
    sys.stdout.write(suppliers_csv(make_suppliers()))
