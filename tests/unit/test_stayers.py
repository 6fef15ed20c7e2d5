from __future__ import annotations

from pipelines.stayers import Stayers


def test_what_stays_is_ended_once_after_each_time_that_something_was_under_way() -> None:
    under_way, ended = [True], []
    stayers = Stayers(lambda: under_way[0], lambda: ended.append(1))
    stayers.look()
    assert ended == [], "who trains needs it"
    under_way[0] = False
    stayers.look()
    stayers.look()
    assert ended == [1]
    under_way[0] = True
    stayers.look()
    under_way[0] = False
    stayers.look()
    assert ended == [1, 1]


def test_what_an_earlier_process_of_the_pipelines_has_left_is_ended_too() -> None:
    ended: list[int] = []
    Stayers(lambda: False, lambda: ended.append(1)).look()
    assert ended == [1]
