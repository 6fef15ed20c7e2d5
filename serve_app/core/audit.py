"""Who did what to what, when, from where, and what was before and after: one chain of entries.

GENESIS ◀── 1 ◀── 2 ◀── … ◀── head        each names the hash of the one before it

The hash of an entry is over all that it says and over the hash before it: whoever changes, removes, inserts or
reorders one must make every later hash again. Whoever can write the whole table can do just that, or cut off its
end; that shows only against a head that was written down elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""What the first entry names in place of a hash."""

HEAD = r"(0|[1-9][0-9]{0,17}):([0-9a-f]{64})"

PLACE = ("seq", "previous", "hash")
"""What the log gives an entry."""


@dataclass(frozen=True, slots=True)
class Audited:
    """``action``: such as ``promote``, ``rollback``, ``feedback``; ``target``: what it was done to, such as a
    version, a prediction, a user, a job; ``address``: of the client, None for what happens by itself; ``before``
    and ``after``: any JSON, None where there is nothing to say. ``seq`` (1, 2, …), ``previous`` and ``hash`` are the
    log's to give: two entries that say the same are equal wherever they stand."""

    id: str
    at: datetime
    by: str
    action: str
    use_case: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    target: str | None = None
    address: str | None = None
    before: Any = None
    after: Any = None
    seq: int | None = field(default=None, compare=False)
    previous: str | None = field(default=None, compare=False)
    hash: str | None = field(default=None, compare=False)


SAID = tuple(each.name for each in fields(Audited) if each.name not in PLACE)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends."""

    seq: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        """As it is written down elsewhere."""
        return f"{self.seq}:{self.hash}"

    @classmethod
    def of(cls, text: str) -> Head | None:
        """None for what is no head."""
        found = re.fullmatch(HEAD, text.strip())
        return None if found is None else cls(int(found[1]), found[2])


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """None does not narrow. ``since`` is part of what is asked for, ``until`` is not."""

    use_case: str | None = None
    by: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, entry: Audited) -> bool:
        same = all(getattr(self, name) in (None, getattr(entry, name)) for name in EXACT)
        return same and not (self.since and entry.at < self.since) and not (self.until and entry.at >= self.until)


EXACT = ("use_case", "by", "action", "target")
"""Of a filter, what an entry must be equal in."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that is no entry any more. ``seq``, ``id``: as far as they can be read."""

    seq: int | None
    id: str
    why: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that does not hold. ``seq``: where it should stand."""

    seq: int
    id: str | None
    why: str


def hash_of(entry: Audited, previous: str) -> str:
    """SHA-256, in hex. What it is over is settled for good: every chain there is rests on it."""
    said = {name: getattr(entry, name) for name in SAID} | {"seq": entry.seq, "previous": previous}
    said["at"] = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # A client may send a lone surrogate, which plain UTF-8 refuses.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def chained(entry: Audited, head: Head) -> Audited:
    """``entry`` as the one that follows ``head``, its JSON as it will be read: a tuple as a list, a key as text.
    Raises ValueError for a moment without a time zone."""
    if entry.at.tzinfo is None:
        raise ValueError("a moment in the audit log needs a time zone")
    plain = {name: _as_read(getattr(entry, name)) for name in ("detail", "before", "after")}
    placed = replace(entry, **plain, at=entry.at.astimezone(UTC), seq=head.seq + 1, previous=head.hash)
    return replace(placed, hash=hash_of(placed, head.hash))


def _as_read(value: Any) -> Any:
    # Not with JSON's own escapes: two lone surrogates side by side would come back as one character.
    return json.loads(json.dumps(value, ensure_ascii=False))


def head_of(entry: Audited | None) -> Head:
    """Of a log whose last entry this is; None: of one that is empty."""
    return Head() if entry is None else Head(entry.seq or 0, entry.hash or GENESIS)


def verified(entries: Iterable[Audited | Unreadable], kept: Head | None = None) -> Head | Broken:
    """Where the chain ends, or where it breaks. ``entries``: all there are, in the order of the log, those without
    a place in it last; ``kept``: a head that was written down before, and must be found in it."""
    head = Head()
    reached = kept is None or kept == head
    for entry in entries:
        why = _fault(entry, head)
        if why is None and isinstance(entry, Audited):
            head = head_of(entry)
            if kept is not None and head.seq == kept.seq:
                if head != kept:
                    return Broken(head.seq, entry.id, "the head that was written down had another hash here")
                reached = True
        else:
            return Broken(head.seq + 1, entry.id, why or "")
    if not reached:
        assert kept is not None
        return Broken(head.seq + 1, None, f"the log ends after entry {head.seq}, and once went on to {kept.seq}")
    return head


def _fault(entry: Audited | Unreadable, head: Head) -> str | None:
    if entry.seq is None:
        return "it was put there past the log: it has no place in the chain"
    if isinstance(entry, Unreadable):
        return f"it cannot be read: {entry.why}"
    if entry.seq != head.seq + 1:
        return f"entry {head.seq + 1} is gone: the next one there is entry {entry.seq}"
    if entry.previous != head.hash:
        return "it does not follow the entry before it: one of the two is another than when it was written"
    if entry.hash != hash_of(entry, head.hash):
        return "it says something else than when it was written"
    return None
