"""The loop, as a team lives it: an LLM answers everything at first, and the student takes over.

    python -m tests.benchmarks.loop [banking77] [it_service_tickets] [--rows N] [--out FOLDER]

A whole Understudy starts with a use case that has no labelled row. A stream of real texts comes in over
HTTP; the teacher's answers are looked up in recordings, so that nothing is paid for:

    banking77           answers of a GPT model, recorded by the authors of the data set, right on 83 %
    it_service_tickets  SIMULATED: the true label, exchanged for another on one row in ten

People label half of the rows that are kept as gold (a tenth of the stream), and nothing else. Retrains
start by themselves, by the count of new labels; the gate lets their students in or refuses them, and
the swaps happen while the stream runs on. While a retrain is under way the stream is slowed down, and
stands still once a third of what starts the next has come, since a stream of weeks is sent in minutes.

Printed per thousand requests: LLM calls, accuracy on the true labels, agreement with the LLM's answer,
and the versions that answered; the curves are drawn as a PNG.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import yaml

from pipelines.split import fractions
from serve_app.core.rows import Rows, text_column
from tests.fakes.running import ROOT, Running, running

DATA = ROOT.parent / "shared" / "data"
BATCH, SLOW_BATCH, SLOW_PAUSE_S = 20, 2, 0.25
BEGINS_S = 15.0
GOLD_SHARE = 0.2
SEED = 11


@dataclass(frozen=True)
class Stream:
    """``rows``: text, label (the truth), llm_label (what the teacher says), in the order they come;
    ``simulated``: the teacher is not an LLM; ``every``: new labels that start a retrain."""

    name: str
    rows: pd.DataFrame
    simulated: bool
    every: int


@dataclass
class Came:
    """What was answered so far, one entry a row of the stream."""

    labels: list[str | None] = field(default_factory=list)
    asked_teacher: list[bool] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    failed: int = 0


def banking77(rows: int | None = None, every: int = 500) -> Stream:
    table = pd.read_parquet(DATA / "banking77" / "recorded_llm.parquet")
    return Stream("banking77", _shuffled(table, rows), simulated=False, every=every)


def it_service_tickets(rows: int | None = None) -> Stream:
    table = pd.read_parquet(DATA / "it_service_tickets" / "tickets.parquet").drop_duplicates("text")
    table = _shuffled(table, rows or 12_000)
    chance = np.random.default_rng(SEED)
    classes = sorted(table["label"].unique())
    wrong = [chance.choice([each for each in classes if each != label]) for label in table["label"]]
    table["llm_label"] = np.where(chance.random(len(table)) < 0.9, table["label"], wrong)
    return Stream("it_service_tickets", table, simulated=True, every=1500)


STREAMS = {"banking77": banking77, "it_service_tickets": it_service_tickets}


def _shuffled(table: pd.DataFrame, rows: int | None) -> pd.DataFrame:
    return table.sample(frac=1, random_state=SEED).head(rows or len(table)).reset_index(drop=True)


def write_use_case(configs: Path, stream: Stream, **retraining: Any) -> None:
    """The use case of a stream: no labelled rows, and the recordings as its teacher."""
    folder = configs / "use_cases" / stream.name
    folder.mkdir()
    stream.rows[["text", "llm_label"]].to_csv(folder / "recorded_llm.csv", index=False)
    (folder / "prompt.md").write_text("Which of the classes does this text belong to?\n")
    model = "simulated-annotator" if stream.simulated else "recorded-gpt"
    settings = {
        "name": stream.name,
        "title": stream.name,
        "fields": {"text": {"kind": "text", "max_length": 50_000}},
        "target": {"kind": "classification", "column": "label", "classes": sorted(stream.rows["label"].unique())},
        "student": {"kind": "lightgbm"},
        "teacher": {
            "reliability": 0.9 if stream.simulated else 0.83,
            "providers": [{"kind": "recorded", "file": "recorded_llm.csv", "key": ["text"], "model": model}],
        },
        "cascade": {"kind": "fixed", "threshold": 0.8, "arbitration": "teacher_wins"},
        "decision": {"kind": "label"},
        "retraining": {"new_labels": stream.every, "gold_share": GOLD_SHARE, "drift": {"retrain": False}, **retraining},
    }
    (folder / "use_case.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False))


def labelled_by_people(stream: Stream) -> np.ndarray:
    """Half of the rows that gold is cut from: what a review queue would show to people."""
    rows = Rows({"text": text_column(stream.rows["text"])})
    place = fractions(_Features(rows), ["text"])
    return np.asarray((place < GOLD_SHARE) & (np.random.default_rng(SEED).random(len(place)) < 0.5))


@dataclass(frozen=True)
class _Features:
    """As much of LabelledRows as ``fractions`` looks at."""

    rows: Rows
    group: None = None


def play(started: Running, stream: Stream, came: Came | None = None) -> Came:
    """Sends the whole stream and waits for the last retrain. A retrain that is due is waited for, and the
    stream is slow while it is under way: elsewhere there are days between two of them."""
    came = came or Came()
    people = labelled_by_people(stream)
    with started.client() as client:
        row, since = 0, 0
        while row < len(stream.rows):
            busy = open_jobs(client, stream.name)
            if not busy and sum(came.asked_teacher[since:]) >= stream.every:
                busy, since = _begins(client, stream.name), row
            if busy and row - since >= stream.every // 3:
                wait_for_jobs(client, stream.name)
                continue
            count = SLOW_BATCH if busy else BATCH
            _send(client, stream, range(row, min(row + count, len(stream.rows))), people, came)
            row += count
            time.sleep(SLOW_PAUSE_S if busy else 0)
        wait_for_jobs(client, stream.name)
    return came


def _begins(client: httpx.Client, name: str) -> bool:
    """Whether a retrain has begun soon: labels are counted every few seconds."""
    end = time.monotonic() + BEGINS_S
    while time.monotonic() < end:
        if open_jobs(client, name):
            return True
        time.sleep(0.3)
    return False


def _send(client: httpx.Client, stream: Stream, places: range, people: np.ndarray, came: Came) -> None:
    texts = stream.rows["text"].iloc[list(places)]
    reply = client.post(f"/api/v1/predict/{stream.name}/batch", json={"instances": [{"text": each} for each in texts]})
    if reply.status_code != 200:
        came.failed += len(places)
        came.labels += [None] * len(places)
        came.asked_teacher += [False] * len(places)
        came.versions += ["failed"] * len(places)
        return
    for place, answer in zip(places, reply.json()["predictions"], strict=True):
        came.labels.append(answer["prediction"]["label"])
        came.asked_teacher.append(answer["teacher"] is not None)
        came.versions.append(answer["model_version"] or "none")
        if people[place]:
            said = {"label": stream.rows["label"].iloc[place]}
            client.post(f"/api/v1/feedback/{answer['id']}", json=said).raise_for_status()


def open_jobs(client: httpx.Client, name: str) -> bool:
    jobs = client.get("/api/v1/train/jobs", params={"use_case": name, "limit": 1}).raise_for_status().json()["jobs"]
    return any(job["status"] in ("PENDING", "RUNNING") for job in jobs)


def wait_for_jobs(client: httpx.Client, name: str, patience_s: float = 300) -> None:
    end = time.monotonic() + patience_s
    while open_jobs(client, name):
        if time.monotonic() > end:
            raise AssertionError(f"a retrain of {name} did not end")
        time.sleep(0.5)


def per_thousand(stream: Stream, came: Came, size: int = 1000) -> list[dict[str, Any]]:
    """One entry for every ``size`` requests, the last perhaps shorter."""
    found = []
    for start in range(0, len(came.labels), size):
        part = slice(start, start + size)
        labels = np.array(came.labels[part], dtype=object)
        truth, llm = (
            stream.rows[column].to_numpy(dtype=object)[part][: len(labels)] for column in ("label", "llm_label")
        )
        found.append(
            {
                "from": start,
                "requests": len(labels),
                "calls": int(np.sum(came.asked_teacher[part])),
                "accuracy": float((labels == truth).mean()),
                "llm_accuracy": float((llm == truth).mean()),
                "agreement": float((labels == llm).mean()),
                "versions": [version for version, _ in itertools.groupby(came.versions[part])],
            }
        )
    return found


def retrains(client: httpx.Client, name: str) -> list[dict[str, Any]]:
    """Every retrain, the oldest first."""
    jobs = client.get("/api/v1/train/jobs", params={"use_case": name, "limit": 100}).raise_for_status().json()["jobs"]
    return list(reversed(jobs))


def _table(stream: Stream, came: Came) -> Iterator[str]:
    teacher = "a SIMULATED teacher, right on 90 %" if stream.simulated else "a recorded LLM"
    yield f"\n{stream.name}: {len(came.labels)} requests, {teacher}; {came.failed} failed\n"
    yield "| requests | LLM calls | accuracy | the LLM's own | agreement with the LLM | versions |"
    yield "|---|---|---|---|---|---|"
    for each in per_thousand(stream, came):
        share, end = each["calls"] / each["requests"], each["from"] + each["requests"]
        yield (
            f"| {each['from']}-{end} | {each['calls']} ({share:.0%}) | {each['accuracy']:.3f} "
            f"| {each['llm_accuracy']:.3f} | {each['agreement']:.3f} | {' → '.join(each['versions'])} |"
        )


def _retrain_lines(client: httpx.Client, name: str) -> Iterator[str]:
    yield "\n| retrain | started by | learned from | outcome | why |"
    yield "|---|---|---|---|---|"
    models = client.get(f"/api/v1/train/{name}/models").raise_for_status().json()["models"]
    rows = {model["lineage"]["job"]: model["metrics"].get("rows_learned") for model in models}
    for number, job in enumerate(retrains(client, name), 1):
        result, error = job["result"] or {}, job["error"] or {}
        outcome = "promoted" if result.get("promoted") else job["status"].lower() if error else "not promoted"
        why = error.get("detail") or result.get("reason") or ""
        yield f"| {number} | {job['trigger']} | {rows.get(job['job_id'], '-')} | {outcome} | {why} |"


def draw(stream: Stream, came: Came, path: Path, window: int = 250) -> None:
    """LLM calls, accuracy and agreement over the stream, as moving means; a line for each swap."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    labels = np.array(came.labels, dtype=object)
    truth, llm = (stream.rows[each].to_numpy(dtype=object)[: len(labels)] for each in ("label", "llm_label"))
    curves = {
        "LLM calls": np.array(came.asked_teacher, dtype=float),
        "accuracy": (labels == truth).astype(float),
        "agreement with the LLM": (labels == llm).astype(float),
        "the LLM's own accuracy": (llm == truth).astype(float),
    }
    figure, axes = pyplot.subplots(figsize=(9, 4.5))
    for name, values in curves.items():
        axes.plot(pd.Series(values).rolling(window, min_periods=window // 5).mean(), label=name)
    for place, version in _swaps(came):
        axes.axvline(place, color="grey", linestyle=":", linewidth=1)
        axes.text(place, 1.02, f"v{version}", fontsize=8, ha="center")
    axes.set(xlabel="requests", ylabel=f"share (mean of {window})", ylim=(0, 1.08), title=_title(stream))
    axes.legend(loc="lower left", fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _title(stream: Stream) -> str:
    return f"{stream.name} ({'simulated teacher' if stream.simulated else 'recorded LLM'})"


def _swaps(came: Came) -> Iterator[tuple[int, str]]:
    for place, (before, after) in enumerate(itertools.pairwise(came.versions), 1):
        if before != after:
            yield place, after


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as started:
        for name in asked.streams or list(STREAMS):
            stream = STREAMS[name](asked.rows)
            write_use_case(started.configs, stream)
            done = started.command("train", name)
            if done.returncode != 0:
                raise SystemExit(done.stdout + done.stderr)
            began = time.monotonic()
            came = play(started, stream)
            with started.client() as client:
                print("\n".join([*_table(stream, came), *_retrain_lines(client, name)]))
            draw(stream, came, asked.out / f"{name}.png")
            print(f"\n{time.monotonic() - began:.0f} s; drawn in {asked.out / f'{name}.png'}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.loop", description=__doc__)
    parser.add_argument("streams", nargs="*", choices=[*STREAMS, []], help="all of them by default")
    parser.add_argument("--rows", type=int, help="as many of the stream's rows")
    parser.add_argument("--out", type=Path, default=Path("bench"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
