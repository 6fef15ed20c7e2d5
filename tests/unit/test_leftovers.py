from __future__ import annotations

from pipelines.leftovers import Leftovers, Reserved


class Cluster:
    def __init__(self) -> None:
        self.now = 0.0
        self.reserved: list[Reserved] = []
        self.used: set[str] = set()
        self.freed: list[str] = []
        self.leftovers = Leftovers(
            "ours", lambda: self.reserved, lambda: self.used, self.freed.append, lambda: self.now
        )

    def look(self, at: float) -> list[str]:
        self.now = at
        self.leftovers.look()
        return self.freed


def test_what_has_had_no_worker_for_long_is_freed() -> None:
    cluster = Cluster()
    cluster.reserved = [Reserved("a", "ours")]
    assert cluster.look(0) == []
    assert cluster.look(80) == []
    assert cluster.look(100) == ["a"]


def test_what_is_used_is_left_and_counts_anew_from_when_it_is_not() -> None:
    cluster = Cluster()
    cluster.reserved, cluster.used = [Reserved("a", "ours")], {"a"}
    cluster.look(0)
    assert cluster.look(1000) == []
    cluster.used = set()
    cluster.look(1020)
    cluster.used = {"a"}
    cluster.look(1100)
    cluster.used = set()
    cluster.look(1120)
    assert cluster.look(1200) == []
    assert cluster.look(1220) == ["a"]


def test_what_others_on_the_cluster_have_reserved_is_theirs() -> None:
    cluster = Cluster()
    cluster.reserved = [Reserved("a", "another job")]
    cluster.look(0)
    assert cluster.look(1000) == []
