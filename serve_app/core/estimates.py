"""A share of a period's rows, estimated from those that chance chose, with its 95 % interval.

Of the rows of a period some are known for certain: the teacher was asked about them. Others nobody looked at;
for those the audited rows stand, each for 1/p - 1 of them (Horvitz and Thompson 1952), divided by the weights'
sum (Hajek 1971). The interval is about what happened in the period: only the unseen part of it is uncertain.

For that part it is Clopper and Pearson's with the effective sample size n in the number's place (Korn and Graubard
1998), which is exact where all weights are equal: n = p (1 - p) (sum w)**2 / sum (w (y - p))**2, and at most
(sum w)**2 / sum w**2. What is known of n rows, said of M
others, has a variance in proportion to 1/n + 1/M, so that n M / (n + M) takes the place of n.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from scipy.special import betaincinv

LEAST = 20
"""With fewer rows to stand for the others no figure is given, only the bounds."""

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Estimate:
    """``value`` is None where there is too little to say, and ``reason`` says why; ``low`` and ``high`` hold
    all the same (None where there is nothing at all). ``rows``: of which it is known; ``audited``: those that
    stand for others; ``effective``: how many these count for, by their weights."""

    value: float | None
    low: float | None
    high: float | None
    rows: int
    audited: int
    effective: float
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def interval(share: float, rows: float, alpha: float = ALPHA) -> tuple[float, float]:
    """Clopper and Pearson's, for a share of any number of rows, also a fraction; all there is for none."""
    if rows <= 0:
        return 0.0, 1.0
    hits = min(max(share * rows, 0.0), rows)
    low = 0.0 if hits == 0 else float(betaincinv(hits, rows - hits + 1, alpha / 2))
    high = 1.0 if hits == rows else float(betaincinv(hits + 1, rows - hits, 1 - alpha / 2))
    return low, high


@dataclass(slots=True)
class Weighed:
    """Rows that stand for others. With y = 1 for a hit, 0 for a miss: the sums of w, of w y, and of w**2 times
    1, y and y**2."""

    rows: int = 0
    weight: float = 0.0
    hits: float = 0.0
    squares: float = 0.0
    square_hits: float = 0.0
    square_hits_squared: float = 0.0

    def add(self, weight: float, hit: float, row: float | None = None) -> None:
        """``row``: the whole weight of the row, where this is a part of it."""
        square = weight * (weight if row is None else row)
        self.rows += 1
        self.weight += weight
        self.hits += weight * hit
        self.squares += square
        self.square_hits += square * hit
        self.square_hits_squared += square * hit**2

    def join(self, other: Weighed, factor: float) -> None:
        """All of ``other``, its weights times ``factor``."""
        self.rows += other.rows
        self.weight += other.weight * factor
        self.hits += other.hits * factor
        self.squares += other.squares * factor**2
        self.square_hits += other.square_hits * factor**2
        self.square_hits_squared += other.square_hits_squared * factor**2

    @property
    def share(self) -> float:
        return self.hits / self.weight if self.weight else 0.0

    @property
    def effective(self) -> float:
        """So many rows of equal weight would tell as much: p (1 - p) over the variance of p, and no more than
        the weights alone allow, whose misses may by luck be all light ones."""
        if not self.squares:
            return 0.0
        p, most = self.share, self.weight**2 / self.squares
        spread = self.square_hits_squared - 2 * p * self.square_hits + p**2 * self.squares
        if spread <= 0 or not 0 < p < 1:
            return most
        return min(most, p * (1 - p) * self.weight**2 / spread)


@dataclass(slots=True)
class Share:
    """``known`` rows, of which ``hits``; ``unseen`` rows that might have been audited; rows ``without_chance``
    of it; and the audited rows that stand for the unseen."""

    known: int = 0
    hits: float = 0.0
    unseen: float = 0.0
    without_chance: int = 0
    stand_ins: Weighed = field(default_factory=Weighed)

    def know(self, hit: bool) -> None:
        self.known += 1
        self.hits += hit

    def estimate(self) -> Estimate:
        """What is without a chance of being audited may all be right or all be wrong; nothing is guessed."""
        total = self.known + self.unseen + self.without_chance
        if total == 0:
            return Estimate(None, None, None, 0, 0, 0.0, "there is no row of which it is known")
        low, high = interval(self.stand_ins.share, self._size())
        bounds = (self.hits + self.unseen * low) / total, (self.hits + self.unseen * high + self.without_chance) / total
        reason = self._too_little()
        value = None if reason else (self.hits + self.unseen * self.stand_ins.share) / total
        return Estimate(value, *bounds, self.known, self.stand_ins.rows, self.stand_ins.effective, reason)

    def _size(self) -> float:
        size = self.stand_ins.effective
        return size * self.unseen / (size + self.unseen) if size and self.unseen else 0.0

    def _too_little(self) -> str | None:
        if self.without_chance:
            return f"{self.without_chance} rows had no chance of being audited (audit_rate 0)"
        if self.unseen and self.stand_ins.effective < LEAST:
            return f"{self.stand_ins.effective:.0f} audited rows stand for {self.unseen:.0f}; {LEAST} are needed"
        return None
