"""LightGBM's trees as flat tables, in the form that lets many rows walk one tree together.

A tree of at most 64 leaves is a word of bits, one for each leaf from left to right. A node at which a row goes to
the right clears the leaves to its left; when every node has been looked at, in whatever order, the lowest bit left
is the row's leaf (QuickScorer, Lucchese et al. 2015). No step depends on another, so that a processor does it
for as many rows at once as its registers are wide.

The tables give LightGBM's bits: rows are float32, and so is the largest float32 that a threshold lets pass to the
left; leaves stay float64, and are summed in LightGBM's order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from serve_app.adapters.lightgbm_text import Tree, read_trees
from serve_app.core.errors import BadBundle
from serve_app.core.npz import read_npz, write_npz

LEAVES = (32, 64)
"""How many a word may hold; trees of more are left to LightGBM."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class TreeTables:
    """All bags of one model. A score is one class of one bag; its trees lie together, in the order they were grown in.

    ``shape``: bags, scores of a bag, columns of a row. ``used``: the columns that any node asks for.
    ``first``: (all scores + 1,) the first tree of each score. ``trees``: (trees, 5) the first node that missing goes
    left at, that it goes right at, that knows categories, the node after the last; the first leaf.
    ``column``: (nodes,) place in ``used``. ``threshold``: (nodes,) above it a row goes right. ``kept``: (nodes,) the
    bits of the leaves that are left then. ``words``: of 32 categories each, those from ``word[node]`` until before
    ``word[node + 1]`` are the node's: whoever is in them goes left. ``leaves``: float64."""

    shape: Array
    used: Array
    first: Array
    trees: Array
    column: Array
    threshold: Array
    kept: Array
    word: Array
    words: Array
    leaves: Array

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> Self:
        """One text a bag. Raises BadBundle with what they have that the tables cannot say."""
        bags = [read_trees(text.decode()) for text in texts]
        scores, columns = bags[0].scores, bags[0].columns
        width = next((w for w in LEAVES if w >= max(len(t.leaves) for bag in bags for t in bag.trees)), None)
        if width is None:
            raise BadBundle(f"a tree has more than {LEAVES[-1]} leaves")
        laid, first = _Laid(width), [0]
        for bag in bags:
            for score in range(scores):
                for tree in bag.trees[score::scores]:
                    laid.add(tree)
                first.append(len(laid.trees))
        return cls(np.array([len(bags), scores, columns], dtype=np.int64), first=_int32(first), **laid.arrays())

    @property
    def bits(self) -> int:
        """Of a word."""
        return 8 * int(self.kept.itemsize)

    def thresholds(self, column: int) -> Array:
        """(k,) of float32, all that a column is compared with."""
        numeric = np.flatnonzero((np.diff(self.word) == 0) & (self.used[self.column] == column))
        return np.unique(self.threshold[numeric])

    def categories(self, column: int) -> int:
        """More than any category of the column that a node knows; 0 for numbers."""
        known = np.diff(self.word)[self.used[self.column] == column]
        return 32 * int(known.max(initial=0))


class _Laid:
    """The arrays, while trees are added."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self.trees: list[tuple[int, ...]] = []
        self._nodes: list[tuple[int, np.float32, int]] = []
        self._word, self._words = [0], list[int]()
        self._leaves: list[float] = []

    def add(self, tree: Tree) -> None:
        order, left_of = tree.in_order()
        every = (1 << self._bits) - 1
        bounds = [len(self._nodes)]
        for kind in (tree.missing_goes_left, tree.missing_goes_right, tree.is_categorical):
            for node in filter(kind, range(len(tree.columns))):
                start, stop = left_of[node]
                kept = every & ~((1 << stop) - (1 << start))
                self._nodes.append((tree.columns[node], at_most(tree.thresholds[node]), kept))
                self._words += tree.words_of(node) if tree.is_categorical(node) else ()
                self._word.append(len(self._words))
            bounds.append(len(self._nodes))
        self.trees.append((*bounds, len(self._leaves)))
        self._leaves += [tree.leaves[leaf] for leaf in order]

    def arrays(self) -> dict[str, Array]:
        columns, thresholds, kept = zip(*self._nodes, strict=True) if self._nodes else ((), (), ())
        used, column = np.unique(np.array(columns, dtype=np.int32), return_inverse=True)
        return {
            "used": used,
            "trees": _int32(self.trees).reshape(-1, 5),
            "column": _int32(column),
            "threshold": np.array(thresholds, dtype=np.float32),
            "kept": np.array(kept, dtype=f"u{self._bits // 8}"),
            "word": _int32(self._word),
            "words": np.array(self._words, dtype=np.uint32),
            "leaves": np.array(self._leaves, dtype=np.float64),
        }


def at_most(threshold: float) -> np.float32:
    """The largest float32 that is not above ``threshold``: a float32 is above both, or above neither."""
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
    return np.nextafter(near, np.float32(-np.inf)) if float(near) > threshold else near


def to_bytes(models: Mapping[str, TreeTables]) -> bytes:
    return write_npz({f"{name}.{f.name}": getattr(each, f.name) for name, each in models.items() for f in fields(each)})


def from_bytes(content: bytes) -> dict[str, TreeTables]:
    """Raises BadBundle. For what ``to_bytes`` has made and nobody has touched: machine code trusts its indices."""
    arrays = read_npz(content)
    try:
        names = sorted({name.rpartition(".")[0] for name in arrays})
        return {name: TreeTables(*(arrays[f"{name}.{f.name}"] for f in fields(TreeTables))) for name in names}
    except KeyError as error:
        raise BadBundle(f"the tables lack {error}") from None


def _int32(values: Any) -> Array:
    return np.ascontiguousarray(np.array(values, dtype=np.int32))
