"""What a tree says in LightGBM's text format, as far as it decides what is predicted.

Read after the library has read the same text, so that nothing is checked twice; what would change an answer and is
not known here raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serve_app.core.errors import BadBundle

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_IS_NONE, _MISSING_IS_ZERO = 0, 1


@dataclass(frozen=True, slots=True)
class Tree:
    """Lists by node, but ``leaves`` by leaf. A child that is negative is the leaf ``~child``."""

    leaves: Sequence[float]
    columns: Sequence[int]
    thresholds: Sequence[float]
    kinds: Sequence[int]
    left: Sequence[int]
    right: Sequence[int]
    cat_bounds: Sequence[int]
    cat_words: Sequence[int]

    def is_categorical(self, node: int) -> bool:
        return bool(self.kinds[node] & _CATEGORICAL)

    def missing_goes_right(self, node: int) -> bool:
        if self.is_categorical(node):
            return False
        if self.kinds[node] >> 2 & 3 == _MISSING_IS_NONE:
            return self.thresholds[node] < 0.0  # training saw none missing: NaN is 0, then
        return not self.kinds[node] & _DEFAULT_LEFT

    def missing_goes_left(self, node: int) -> bool:
        return not self.is_categorical(node) and not self.missing_goes_right(node)

    def words_of(self, node: int) -> Sequence[int]:
        """32 categories a word, those that go left."""
        which = int(self.thresholds[node])
        return self.cat_words[self.cat_bounds[which] : self.cat_bounds[which + 1]]

    def in_order(self) -> tuple[list[int], dict[int, tuple[int, int]]]:
        """The leaves from left to right, and by node the places of those to its left: from, until before."""
        order: list[int] = []
        left_of: dict[int, tuple[int, int]] = {}
        waiting: list[tuple[int, int | None]] = [(0 if self.columns else -1, None)]
        while waiting:
            node, since = waiting.pop()
            if since is not None:
                left_of[node] = (since, len(order))
                waiting.append((self.right[node], None))
            elif node < 0:
                order.append(~node)
            else:
                waiting += [(node, len(order)), (self.left[node], None)]
        return order, left_of


@dataclass(frozen=True, slots=True)
class Trees:
    """Of one booster, in the order they were grown in: one a score, again and again."""

    scores: int
    columns: int
    trees: Sequence[Tree]


def read_trees(text: str) -> Trees:
    """Raises BadBundle."""
    head, *parts = text.partition("\nend of trees")[0].split("\nTree=")
    told = _told(head)
    if "average_output" in head.splitlines():
        raise BadBundle("its trees are averaged, not summed")
    try:
        trees = [_tree(_told(part)) for part in parts]
        return Trees(int(told["num_tree_per_iteration"]), int(told["max_feature_idx"]) + 1, trees)
    except (KeyError, ValueError) as error:
        raise BadBundle(f"the trees are not as expected: {error}") from None


def _tree(told: dict[str, str]) -> Tree:
    if told.get("is_linear", "0") != "0":
        raise BadBundle("a leaf holds a linear model")
    kinds = _ints(told.get("decision_type", ""))
    if any(not kind & _CATEGORICAL and kind >> 2 & 3 == _MISSING_IS_ZERO for kind in kinds):
        raise BadBundle("zero counts as missing")
    return Tree(
        _floats(told["leaf_value"]), _ints(told.get("split_feature", "")), _floats(told.get("threshold", "")), kinds,
        _ints(told.get("left_child", "")), _ints(told.get("right_child", "")), _ints(told.get("cat_boundaries", "")),
        _ints(told.get("cat_threshold", "")),
    )  # fmt: skip


def _told(part: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in part.splitlines() if "=" in line)


def _ints(words: str) -> list[int]:
    return [int(word) for word in words.split()]


def _floats(words: str) -> list[float]:
    return [float(word) for word in words.split()]
