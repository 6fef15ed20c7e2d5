"""An event log that goes away: nothing answered is lost, and everything is written once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serve_app.adapters.buffered_log import BufferedLog
from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.adapters.memory_policies import MemoryPolicies
from serve_app.core.errors import StoreUnavailable, UnknownPrediction
from serve_app.core.events import LoggedPrediction
from serve_app.core.platform import Platform, Store
from serve_app.deployments.buffered import Buffered
from tests.fakes.events import NOON, logged

MOST = 50_000_000
ROOT = Path(__file__).resolve().parents[2]


class Kept(MemoryEventLog):
    """Counts what it is given, also what it has already."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []

    def append(self, predictions: list[LoggedPrediction]) -> None:  # type: ignore[override]
        super().append(predictions)
        self.given += [each.id for each in predictions]


class House:
    def __init__(self, folder: Path) -> None:
        self.folder, self.events, self.policies = folder, Kept(), MemoryPolicies()

    def open(self, most: int = MOST) -> BufferedLog:
        return BufferedLog(self.events, self.policies, self.folder, most)

    def away(self, away: bool) -> None:
        self.events.away = self.policies.away = away


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "journal")


@pytest.fixture
def buffer(house: House) -> Iterator[BufferedLog]:
    made = house.open()
    yield made
    made.close()


def test_a_log_that_is_there_gets_everything_at_once(house: House, buffer: BufferedLog) -> None:
    one = logged()
    buffer.append([one])
    buffer.put("sha256:p", "colours", {"prompt": "?"}, NOON)
    assert house.events.get(one.id) == one
    assert house.policies.get("sha256:p") == {"prompt": "?"}
    assert (buffer.waiting(), buffer.deliver()) == (0, 0)


def test_what_comes_while_it_is_away_is_delivered_later_once_with_its_policy(house: House, buffer: BufferedLog) -> None:
    house.away(True)
    rows = [logged(features={"words": f"row \x00 {n} \ud800"}) for n in range(2500)]
    buffer.put("sha256:p", "colours", {"prompt": "?"}, NOON)
    for start in range(0, 2500, 100):
        buffer.append(rows[start : start + 100])
    assert (buffer.waiting(), house.events.given) == (2500, [])
    with pytest.raises(StoreUnavailable):
        buffer.deliver()
    house.away(False)
    late = logged()
    buffer.append([late])  # behind those that wait
    assert buffer.deliver() == 2501
    assert (buffer.waiting(), buffer.deliver()) == (0, 0)
    assert house.events.given == [each.id for each in [*rows, late]]
    assert [house.events.get(each.id) for each in rows[:3]] == rows[:3]
    assert house.policies.get("sha256:p") == {"prompt": "?"}
    after = logged()
    buffer.append([after])
    assert house.events.given[-1] == after.id


def test_a_policy_alone_is_delivered_too(house: House, buffer: BufferedLog) -> None:
    house.away(True)
    buffer.put("sha256:p", "colours", {"prompt": "?"}, NOON)
    house.away(False)
    assert buffer.deliver() == 0
    assert house.policies.get("sha256:p") == {"prompt": "?"}


def test_one_that_waits_is_known_to_every_replica_of_the_node(house: House, buffer: BufferedLog) -> None:
    other = house.open()
    house.away(True)
    one = logged()
    other.append([one])
    assert buffer.holds(one.id)
    assert not buffer.holds(logged().id)
    house.away(False)
    assert buffer.deliver() == 0  # whoever lives delivers its own
    assert other.deliver() == 1
    other.close()
    assert not buffer.holds(one.id)


def test_what_waits_is_not_unknown_and_not_there_yet(tmp_path: Path) -> None:
    events = MemoryEventLog()
    platform = Platform(state=str(tmp_path), store=Store(buffer_mb=10))
    buffered = Buffered(platform, events, MemoryPolicies())
    events.away = True
    one = logged()
    buffered.log.append([one])
    assert buffered.waiting() == 1
    events.away = False
    with pytest.raises(StoreUnavailable, match="waits to be written down") as waits:
        buffered.get(one.id)
    assert waits.value.retry_after_s == 5
    with pytest.raises(UnknownPrediction):
        buffered.get(logged().id)
    assert Buffered(Platform(state=str(tmp_path)), events, MemoryPolicies()).waiting() is None


def test_what_a_replica_left_is_delivered_by_another(house: House, buffer: BufferedLog) -> None:
    gone = house.open()
    house.away(True)
    rows = [logged(), logged()]
    gone.append(rows)
    gone.close()
    house.away(False)
    assert buffer.deliver() == 2
    assert house.events.given == [each.id for each in rows]


def test_a_delivery_that_was_not_struck_off_is_repeated_without_harm(house: House, buffer: BufferedLog) -> None:
    house.away(True)
    rows = [logged(), logged()]
    buffer.append(rows)
    house.away(False)
    house.events.append(rows)  # as by a process that died before it could strike them off
    assert buffer.deliver() == 2
    assert [house.events.get(each.id) for each in rows] == rows
    assert house.events.count("colours") == 2


def test_a_full_journal_refuses_and_takes_rows_again_once_it_was_emptied(house: House) -> None:
    buffer = house.open(most=200_000)
    house.away(True)
    taken: list[LoggedPrediction] = []

    def fill() -> None:
        while len(taken) < 10_000:
            rows = [logged(features={"words": "w" * 1000}) for _ in range(20)]
            buffer.append(rows)
            taken.extend(rows)

    with pytest.raises(StoreUnavailable, match="the journal is full"):
        fill()
    assert 50 < len(taken) < 400
    house.away(False)
    assert buffer.deliver() == len(taken)
    house.away(True)
    buffer.append([logged()])
    buffer.close()


def test_rows_that_come_while_it_delivers_are_neither_lost_nor_doubled(house: House, buffer: BufferedLog) -> None:
    house.away(True)
    rows = [logged() for _ in range(400)]
    buffer.append(rows[:200])
    house.away(False)
    writing = threading.Thread(target=lambda: [buffer.append([each]) for each in rows[200:]])
    writing.start()
    while writing.is_alive():
        buffer.deliver()
    buffer.deliver()
    assert sorted(house.events.given) == [each.id for each in rows]


DIES = """
import sys
from pathlib import Path
from tests.contract.test_buffered_log import House
from tests.fakes.events import logged
from dataclasses import replace
house = House(Path(sys.argv[1]))
buffer = house.open()
house.away(True)
for number in range(100_000):
    one = replace(logged(), id=f"01K{number:023d}")
    buffer.append([one])
    print(one.id, flush=True)
"""


def test_a_killed_process_has_lost_nothing_that_it_had_taken(house: House) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", DIES, str(house.folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [process.stdout.readline().strip() for _ in range(40)]
    os.kill(process.pid, signal.SIGKILL)
    told += [line.strip() for line in process.stdout if line.endswith("\n")]
    process.wait()
    after = house.open()  # the same journal: its lock died with its process
    assert after.waiting() >= len(told)
    after.deliver()
    assert set(told) <= set(house.events.given)
    assert len(house.events.given) == len(set(house.events.given)) <= len(told) + 1
    after.close()


def test_a_disk_that_is_full_refuses_and_leaves_nothing_half_done(
    house: House, small_disk: Callable[[int], None]
) -> None:
    buffer = house.open()
    house.away(True)
    first = logged()
    buffer.append([first])
    small_disk(200_000)
    with pytest.raises(StoreUnavailable):
        buffer.append([logged(features={"words": "w" * 1000}) for _ in range(2000)])
    small_disk(-1)
    house.away(False)
    assert buffer.deliver() == 1
    assert house.events.given == [first.id]
    buffer.close()


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], None]]:
    """No file of this process may grow beyond so many bytes: to SQLite that is a full disk. -1: as before."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before if size < 0 else (size, before[1]))

    yield limit
    limit(-1)
    signal.signal(signal.SIGXFSZ, ignored)
