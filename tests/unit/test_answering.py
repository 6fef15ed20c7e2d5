"""A request's way through the cascade: what the student keeps never waits for an LLM, and no LLM for another's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.answers import ClassAnswers, Question, TeacherAnswer, TeacherReply
from serve_app.core.errors import InvalidInput, Unavailable
from serve_app.core.platform import Limits, Platform
from serve_app.core.platform import Teacher as TeacherSettings
from serve_app.core.policy import policy_version
from serve_app.core.ports import Asked
from serve_app.core.rows import Rows, text_column
from serve_app.core.serving import Consulted, Screened, Settled, Unsure
from serve_app.core.use_case import UseCase
from serve_app.deployments.answering import MARGIN_S, Answering, Own
from serve_app.deployments.cascade import CascadeDesk
from serve_app.deployments.decision import DecisionDesk
from tests.fakes.local_handle import LocalHandle
from tests.fakes.small_models import ASKED, write_use_case

pytestmark = pytest.mark.anyio

KINDS = ("light", "heavy")
FERRY: dict[str, Any] = {
    "fields": {"load": {"kind": "numeric"}, "note": {"kind": "text"}},
    "target": {"kind": "classification", "column": "kind", "classes": list(KINDS)},
    "teacher": ASKED,
    "cascade": {"kind": "fixed", "threshold": 0.8},
    "decision": {"kind": "label"},
}
SURE, UNSURE = 0.95, 0.6


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Student:
    """As sure that it is heavy as ``load`` says. ``batches``: how many rows came at once."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    async def answer(self, rows: Rows) -> ClassAnswers:
        self.batches.append(len(rows))
        await asyncio.sleep(0)
        return ClassAnswers(KINDS, np.column_stack([1 - rows["load"], rows["load"]]), "1")


class Llm:
    """Says "light" of everything, once the gate of its note is open. ``asked``: the notes of each call."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.shut: dict[str, asyncio.Event] = {}

    def shuts(self, note: str) -> asyncio.Event:
        return self.shut.setdefault(note, asyncio.Event())

    async def answer(
        self, name: str, questions: Sequence[Question], deadline_s: float, whose: str
    ) -> list[TeacherReply]:
        notes = [question.fields["note"] for question in questions]
        self.asked.append(notes)
        for note in notes:
            if note in self.shut:
                await self.shut[note].wait()
        return [TeacherAnswer("fake", "llm", "light", cost_usd=0.1) for _ in questions]


class Quay:
    """All parts in one process."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder, self.raw = folder, {**FERRY, **changes}
        self.file = write_use_case(folder, "ferry", self.raw) / "use_case.yaml"
        self.student, self.llm = Student(), Llm()
        self.catalogue = UseCaseFolder(folder / "use_cases", refresh_s=0)
        self.platform = Platform(state=str(folder / "state"))
        models = {"ferry": LocalHandle(self.student)}
        self.desk = CascadeDesk(
            self.catalogue, self.platform, models, LocalHandle(self.llm), LocalHandle(DecisionDesk())
        )
        self.handle = LocalHandle(self.desk)
        self.answering = Answering(self.handle, None, self.platform)  # type: ignore[arg-type]

    @property
    def case(self) -> UseCase:
        return self.catalogue.get("ferry")

    def ask(self, *rows: tuple[float, str]) -> asyncio.Task[Own]:
        return asyncio.create_task(self.answering.answer(self.case, given(*rows), Asked("r", "kim")))


def given(*rows: tuple[float, str]) -> Rows:
    loads, notes = zip(*rows, strict=True)
    return Rows({"load": np.array(loads), "note": text_column(notes)})


def sources(came: Own) -> list[str]:
    return [verdict.source for verdict in came.cascaded.verdicts]


@pytest.fixture
def quay(tmp_path: Path) -> Quay:
    return Quay(tmp_path)


async def soon(task: asyncio.Task[Any]) -> Any:
    return await asyncio.wait_for(asyncio.shield(task), 10)


async def test_what_the_student_keeps_does_not_wait_for_the_llm_of_its_neighbours(quay: Quay) -> None:
    gate = quay.llm.shuts("slow")
    slow, *quick = [quay.ask((UNSURE, "slow")), *(quay.ask((SURE, f"note{number}")) for number in range(4))]
    for each in quick:
        assert sources(await soon(each)) == ["student"]
    assert quay.student.batches == [5], "they were one batch"
    assert not slow.done()
    gate.set()
    assert sources(await soon(slow)) == ["arbitration"]


async def test_a_slow_answer_of_the_llm_delays_no_other_of_the_same_batch(quay: Quay) -> None:
    gate = quay.llm.shuts("slow")
    slow, other, mixed = quay.ask((UNSURE, "slow")), quay.ask((UNSURE, "b")), quay.ask((SURE, "c"), (UNSURE, "d"))
    assert sources(await soon(other)) == ["arbitration"]
    assert sources(await soon(mixed)) == ["student", "arbitration"]
    assert quay.student.batches == [4]
    assert not slow.done()
    gate.set()
    await soon(slow)
    assert sorted(quay.llm.asked) == [["b"], ["d"], ["slow"]], "a call for each request, of its own rows"


async def test_who_leaves_while_the_llm_thinks_cancels_nobody(quay: Quay) -> None:
    gate = quay.llm.shuts("slow")
    gone, stays = quay.ask((UNSURE, "slow")), quay.ask((UNSURE, "slow"))
    while len(quay.llm.asked) < 2:  # noqa: ASYNC110 - what is waited for knows of no event
        await asyncio.sleep(0)
    gone.cancel()
    gate.set()
    assert sources(await soon(stays)) == ["arbitration"]
    assert gone.cancelled()


async def test_rows_come_back_in_their_order_whoever_answered_them(quay: Quay) -> None:
    rng = np.random.default_rng(3)
    requests = [
        [(float(rng.choice([SURE, UNSURE])), f"{name}-{row}") for row in range(int(rng.integers(1, 6)))]
        for name in range(30)
    ]
    came = await asyncio.gather(*(quay.ask(*request) for request in requests))
    for request, own in zip(requests, came, strict=True):
        rows, cascaded = own.rows, own.cascaded
        assert own.features == list(rows.records())
        assert rows["note"].tolist() == [note for _, note in request]
        expected = ["student" if load == SURE else "arbitration" for load, _ in request]
        assert [verdict.source for verdict in cascaded.verdicts] == expected
        assert [act.action for act in cascaded.acts] == ["heavy" if load == SURE else "light" for load, _ in request]
        assert sorted(cascaded.replies) == [row for row, (load, _) in enumerate(request) if load == UNSURE]
        assert cascaded.propensity.tolist() == [float(load == UNSURE) for load, _ in request]
    assert len(quay.student.batches) == 1


async def test_an_audited_row_waits_for_the_llm_though_the_student_is_sure(tmp_path: Path) -> None:
    quay = Quay(tmp_path, cascade={"kind": "fixed", "threshold": 0.8, "audit_rate": 1.0})
    cascaded = (await soon(quay.ask((SURE, "a")))).cascaded
    assert [verdict.source for verdict in cascaded.verdicts] == ["arbitration"]
    assert (cascaded.is_audited(0), cascaded.propensity.tolist()) == (True, [1.0])


async def test_a_row_is_settled_by_the_policy_that_had_it_wait(quay: Quay) -> None:
    """An edit between the halves must not make an answer that no policy would have given."""
    before, rows = quay.case, given((UNSURE, "a"))
    screened = await quay.desk.screen("ferry", rows)
    edited = (
        quay.file.read_text().replace("0.8", "0.5").replace("kind: label", "kind: label\n  actions: {light: FLOAT}")
    )
    quay.file.write_text(edited)
    assert quay.case is not before
    unsure = screened.unsure(rows)
    came = await quay.desk.consult("ferry", unsure, 5.0, None)
    assert [act.action for act in came.settled.acts] == ["light"]
    assert screened.policy_version == policy_version(before, "Name the kind.\n")
    anew = await quay.desk.screen("ferry", rows)
    assert not anew.waits.any()
    assert anew.policy_version != screened.policy_version


async def test_where_nobody_knows_that_policy_any_more_the_client_is_to_ask_again(quay: Quay) -> None:
    rows = given((UNSURE, "a"))
    unsure = (await quay.desk.screen("ferry", rows)).unsure(rows)
    edited = Quay(quay.folder / "edited", cascade={"kind": "fixed", "threshold": 0.5})
    with pytest.raises(Unavailable):
        await edited.desk.consult("ferry", unsure, 5.0, None)
    same = Quay(quay.folder / "same")
    assert (await same.desk.consult("ferry", unsure, 5.0, None)).settled.verdicts[0].source == "arbitration"


class Cascade:
    """Keeps nothing. ``consulted``: who asked about which notes, and how long the teacher was given."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.takes_s = takes_s
        self.consulted: list[tuple[str | None, list[str], float]] = []
        self.screened: list[tuple[int, int | None]] = []

    async def screen(self, name: str, rows: Rows, top: int | None = None) -> Screened:
        self.screened.append((len(rows), top))
        await asyncio.sleep(self.takes_s)
        every, none = np.ones(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
        chances = np.full((len(rows), 2), 0.5)
        return Screened(ClassAnswers(KINDS, chances, "1"), every, none, Settled([], []), np.ones(len(rows)), "p")

    async def consult(self, name: str, unsure: Unsure, deadline_s: float, user: str | None, whose: str) -> Consulted:
        assert whose == (f"user:{user}" if user else "")
        self.consulted.append((user, unsure.rows["note"].tolist(), deadline_s))
        return Consulted({}, Settled([None] * len(unsure.rows), [None] * len(unsure.rows)))  # type: ignore[list-item]


class Tables:
    """Knows of no "ghost"."""

    def join(self, name: str, rows: Rows) -> Rows:
        if "ghost" in rows["note"].tolist():
            raise InvalidInput("no ghost is known")
        return rows.with_columns({"length": np.array([float(len(note)) for note in rows["note"]])})


async def test_each_request_asks_on_its_own_account_and_in_its_own_time(quay: Quay) -> None:
    cascade = Cascade(takes_s=0.1)
    limits, teacher = Limits(request_timeout_s=MARGIN_S + 13), TeacherSettings(deadline_s=20.0)
    answering = Answering(LocalHandle(cascade), Tables(), Platform(limits=limits, teacher=teacher))
    users = ["ani", "budi", None]
    await asyncio.gather(
        *(answering.answer(quay.case, given((0.5, str(user))), by(user)) for user in users),
    )
    assert sorted(cascade.consulted, key=str) == sorted(
        [(user, [str(user)], pytest.approx(12.9, abs=0.09)) for user in users], key=str
    )
    assert cascade.screened == [(3, None)]


@pytest.mark.parametrize(("left_s", "teacher_s"), [(2.5, 2.0), (30.0, 15 - MARGIN_S), (0.0, 0.0)])
async def test_a_client_that_has_less_time_gives_the_llm_less(quay: Quay, left_s: float, teacher_s: float) -> None:
    cascade = Cascade()
    limits, teacher = Limits(request_timeout_s=15), TeacherSettings(deadline_s=20.0)
    answering = Answering(LocalHandle(cascade), Tables(), Platform(limits=limits, teacher=teacher))
    await answering.answer(quay.case, given((0.5, "a")), Asked("r", left_s=left_s))
    assert cascade.consulted[0][2] == pytest.approx(teacher_s, abs=0.09)


def by(user: str | None) -> Asked:
    return Asked("r", user, f"user:{user}" if user else "")


async def test_features_are_looked_up_for_the_batch_and_an_unknown_key_is_its_own_requests(quay: Quay) -> None:
    case = quay.case.model_copy(update={"feature_table": Tables()})
    cascade = Cascade()
    answering = Answering(LocalHandle(cascade), Tables(), Platform())
    asked = [given((0.5, note)) for note in ("a", "ghost", "ccc")]
    came = await asyncio.gather(*(answering.answer(case, rows, by(None)) for rows in asked), return_exceptions=True)
    assert isinstance(came[1], InvalidInput)
    assert [each.rows["length"].tolist() for each in (came[0], came[2])] == [[1.0], [3.0]]  # type: ignore[union-attr]


async def test_who_wants_an_explanation_goes_alone(quay: Quay) -> None:
    cascade = Cascade()
    answering = Answering(LocalHandle(cascade), Tables(), Platform())
    await asyncio.gather(*(answering.answer(quay.case, given((0.5, "a")), by(None), top=8) for _ in range(3)))
    assert cascade.screened == [(1, 8)] * 3
