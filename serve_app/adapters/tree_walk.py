"""The walk through ``TreeTables`` in LLVM's own language, before it is made for a processor.

Vectors of ``LANES`` are wider than any register: LLVM parts them as the processor needs, and knows none that it
cannot do it for. What is named ``%x.p`` is where ``%x`` lies.
"""

from __future__ import annotations

import struct
from string import Template

import numpy as np

LANES = 32
"""Rows at a time. Measured over 8, 16, 32, 64: the best of both for 16 rows and for 1,000."""

SLOTS = (
    "first", "trees", "column", "threshold", "kept", "word", "words", "leaves", "used",
)  # fmt: skip
"""The tables in the order in which the code expects their addresses; their numbers follow: columns used, all
scores, scores of a bag, columns of a row."""

_WALK = Template("""
declare <$L x $W> @llvm.cttz.v$L$W(<$L x $W>, i1)
declare <$L x i32> @llvm.fptosi.sat.v${L}i32.v${L}f32(<$L x float>)
declare <$L x double> @llvm.masked.gather.v${L}f64.v${L}p0(<$L x ptr>, i32, <$L x i1>, <$L x double>)
declare float @llvm.fabs.f32(float)
declare i64 @llvm.umin.i64(i64, i64)

define void @walk(ptr %tables, ptr %rows, i64 %n, i64 %whole, ptr %turned, ptr %out) {
entry:
$SLOTS
  %sums = alloca <$L x double>, align 64
  br label %block

block:                                  ; of LANES rows; the last may have fewer
  %row = phi i64 [0, %entry], [%row.next, %block.end]
  %rest = sub i64 %n, %row
  %count = call i64 @llvm.umin.i64(i64 %rest, i64 $L)
  br label %turn

turn:                                   ; a row becomes a lane; a lane without a row holds anything
  %lane = phi i64 [0, %block], [%lane.next, %turn.end]
  %this = add i64 %row, %lane
  %offset = mul i64 %this, %columns
  %source = getelementptr float, ptr %rows, i64 %offset
  %nothing = icmp eq i64 %n_used, 0
  br i1 %nothing, label %turn.end, label %cell
cell:
  %u = phi i64 [0, %turn], [%u.next, %cell]
  %usedp = getelementptr i32, ptr %used, i64 %u
  %from32 = load i32, ptr %usedp
  %from = zext i32 %from32 to i64
  %valuep = getelementptr float, ptr %source, i64 %from
  %value = load float, ptr %valuep
  %size = call float @llvm.fabs.f32(float %value)
  %counts = fcmp ugt float %size, $TINY ; LightGBM takes what is smaller for 0
  %cleaned = select i1 %counts, float %value, float 0.0
  %cellrow = mul i64 %u, $L
  %cellat = add i64 %cellrow, %lane
  %cellp = getelementptr float, ptr %turned, i64 %cellat
  store float %cleaned, ptr %cellp
  %u.next = add i64 %u, 1
  %u.more = icmp ult i64 %u.next, %n_used
  br i1 %u.more, label %cell, label %turn.end
turn.end:
  %lane.next = add i64 %lane, 1
  %lane.more = icmp ult i64 %lane.next, %count
  br i1 %lane.more, label %turn, label %score

score:
  %s = phi i64 [0, %turn.end], [%s.next, %score.end]
  %firstp = getelementptr i32, ptr %first, i64 %s
  %tree.first32 = load i32, ptr %firstp
  %tree.first = zext i32 %tree.first32 to i64
  %stopp = getelementptr i32, ptr %firstp, i64 1
  %tree.stop32 = load i32, ptr %stopp
  %tree.stop = zext i32 %tree.stop32 to i64
  %treeless = icmp eq i64 %tree.first, %tree.stop
  br i1 %treeless, label %summed, label %tree

tree:
  %t = phi i64 [%tree.first, %score], [%t.next, %tree.end]
  %sum = phi <$L x double> [zeroinitializer, %score], [%sum.next, %tree.end]
  %bounds = getelementptr [5 x i32], ptr %trees, i64 %t
$BOUNDS
$NODES
tree.end:
  %leaf = call <$L x $W> @llvm.cttz.v$L$W(<$L x $W> %bits.3, i1 true)
  %leafbase = getelementptr double, ptr %leaves, i64 %at.4
  %leafp = getelementptr double, ptr %leafbase, <$L x $W> %leaf
  %added = call <$L x double> @llvm.masked.gather.v${L}f64.v${L}p0(<$L x ptr> %leafp, i32 8,
    <$L x i1> splat (i1 true), <$L x double> poison)
  %sum.next = fadd <$L x double> %sum, %added ; tree after tree, as LightGBM: another order gives other bits
  %t.next = add i64 %t, 1
  %t.more = icmp ult i64 %t.next, %tree.stop
  br i1 %t.more, label %tree, label %summed

summed:
  %total = phi <$L x double> [zeroinitializer, %score], [%sum.next, %tree.end]
  store <$L x double> %total, ptr %sums
  %bag = udiv i64 %s, %scores
  %class = urem i64 %s, %scores
  %bagrow = mul i64 %bag, %whole
  %outrow = add i64 %bagrow, %row
  %outat = mul i64 %outrow, %scores
  %outcell = add i64 %outat, %class
  %outp = getelementptr double, ptr %out, i64 %outcell
  br label %write
write:
  %w = phi i64 [0, %summed], [%w.next, %write]
  %oneofp = getelementptr double, ptr %sums, i64 %w
  %oneof = load double, ptr %oneofp
  %stride = mul i64 %w, %scores
  %placep = getelementptr double, ptr %outp, i64 %stride
  store double %oneof, ptr %placep
  %w.next = add i64 %w, 1
  %w.more = icmp ult i64 %w.next, %count
  br i1 %w.more, label %write, label %score.end
score.end:
  %s.next = add i64 %s, 1
  %s.more = icmp ult i64 %s.next, %n_scores
  br i1 %s.more, label %score, label %block.end

block.end:
  %row.next = add i64 %row, $L
  %row.more = icmp ult i64 %row.next, %n
  br i1 %row.more, label %block, label %done
done:
  ret void
}
""")

# Nodes $I of a tree: those from %at.$I until before %at.$J. $RIGHT makes %right.$I, who goes right there.
_NODES = Template("""
  %any.$I = icmp ult i64 %at.$I, %at.$J
  br i1 %any.$I, label %node.$I, label %nodes.end.$I
node.$I:
  %i.$I = phi i64 [%at.$I, %$BEFORE], [%i.next.$I, %$LAST]
  %bits.in.$I = phi <$L x $W> [$BITS, %$BEFORE], [%bits.out.$I, %$LAST]
  %columnp.$I = getelementptr i32, ptr %column, i64 %i.$I
  %column32.$I = load i32, ptr %columnp.$I
  %column64.$I = zext i32 %column32.$I to i64
  %valueat.$I = mul i64 %column64.$I, $L
  %valuesp.$I = getelementptr float, ptr %turned, i64 %valueat.$I
  %values.$I = load <$L x float>, ptr %valuesp.$I, align 64
$RIGHT
  %keptp.$I = getelementptr $W, ptr %kept, i64 %i.$I
  %kept.$I = load $W, ptr %keptp.$I
  %kept1.$I = insertelement <$L x $W> poison, $W %kept.$I, i32 0
  %keptv.$I = shufflevector <$L x $W> %kept1.$I, <$L x $W> poison, <$L x i32> zeroinitializer
  %fewer.$I = and <$L x $W> %bits.in.$I, %keptv.$I
  %bits.out.$I = select <$L x i1> %right.$I, <$L x $W> %fewer.$I, <$L x $W> %bits.in.$I
  %i.next.$I = add i64 %i.$I, 1
  %i.more.$I = icmp ult i64 %i.next.$I, %at.$J
  br i1 %i.more.$I, label %node.$I, label %nodes.end.$I
nodes.end.$I:
  %bits.$J = phi <$L x $W> [$BITS, %$BEFORE], [%bits.out.$I, %$LAST]
""")

_ABOVE = Template("""
  %thresholdp.$I = getelementptr float, ptr %threshold, i64 %i.$I
  %threshold.$I = load float, ptr %thresholdp.$I
  %threshold1.$I = insertelement <$L x float> poison, float %threshold.$I, i32 0
  %thresholdv.$I = shufflevector <$L x float> %threshold1.$I, <$L x float> poison, <$L x i32> zeroinitializer
  %right.$I = fcmp $COMPARE <$L x float> %values.$I, %thresholdv.$I
""")

# A category is known where its word, of 32, has its bit; missing and negative ones go right.
_UNKNOWN = Template("""
  %code.$I = call <$L x i32> @llvm.fptosi.sat.v${L}i32.v${L}f32(<$L x float> %values.$I)
  %wordof.$I = ashr <$L x i32> %code.$I, splat (i32 5)
  %bitof.$I = and <$L x i32> %code.$I, splat (i32 31)
  %there.$I = fcmp ord <$L x float> %values.$I, zeroinitializer
  %wordp.$I = getelementptr i32, ptr %word, i64 %i.$I
  %word32.$I = load i32, ptr %wordp.$I
  %word.first.$I = zext i32 %word32.$I to i64
  %wordstopp.$I = getelementptr i32, ptr %wordp.$I, i64 1
  %wordstop32.$I = load i32, ptr %wordstopp.$I
  %word.stop.$I = zext i32 %wordstop32.$I to i64
  br label %oneword
oneword:
  %k = phi i64 [%word.first.$I, %node.$I], [%k.next, %oneword]
  %found = phi <$L x i1> [zeroinitializer, %node.$I], [%found.next, %oneword]
  %bitsp = getelementptr i32, ptr %words, i64 %k
  %wordbits = load i32, ptr %bitsp
  %wordbits1 = insertelement <$L x i32> poison, i32 %wordbits, i32 0
  %wordbitsv = shufflevector <$L x i32> %wordbits1, <$L x i32> poison, <$L x i32> zeroinitializer
  %shifted = lshr <$L x i32> %wordbitsv, %bitof.$I
  %known = trunc <$L x i32> %shifted to <$L x i1>
  %place = sub i64 %k, %word.first.$I
  %place32 = trunc i64 %place to i32
  %place1 = insertelement <$L x i32> poison, i32 %place32, i32 0
  %placev = shufflevector <$L x i32> %place1, <$L x i32> poison, <$L x i32> zeroinitializer
  %here = icmp eq <$L x i32> %wordof.$I, %placev
  %hit = and <$L x i1> %here, %known
  %found.next = or <$L x i1> %found, %hit
  %k.next = add i64 %k, 1
  %k.more = icmp ult i64 %k.next, %word.stop.$I
  br i1 %k.more, label %oneword, label %afterwords
afterwords:
  %left.$I = and <$L x i1> %found.next, %there.$I
  %right.$I = xor <$L x i1> %left.$I, splat (i1 true)
""")


def code(bits: int) -> str:
    """Of the function ``walk``, for words of 32 or 64 bits."""
    names = {"L": str(LANES), "W": f"i{bits}"}
    slots = [(name, "ptr") for name in SLOTS] + [(name, "i64") for name in ("n_used", "n_scores", "scores", "columns")]
    return _WALK.substitute(
        names,
        TINY="0x" + struct.pack(">d", np.float32(1e-35)).hex(),
        SLOTS="".join(_loaded(name, "tables", "i64", at, kind) for at, (name, kind) in enumerate(slots)),
        BOUNDS="".join(_loaded(f"b.{at}", "bounds", "i32", at, "i32") + _widened(at) for at in range(5)),
        NODES=_nodes(names),
    )


def _nodes(names: dict[str, str]) -> str:
    """Missing goes left where it is not above, and right where it is; then the categories."""
    above = [_ABOVE.substitute(names, I=at, COMPARE=compare) for at, compare in enumerate(("ogt", "ugt"))]
    parts, before, bits = [], "tree", f"splat ({names['W']} -1)"
    for at, right in enumerate((*above, _UNKNOWN.substitute(names, I=2))):
        last = "afterwords" if at == 2 else f"node.{at}"
        parts.append(_NODES.substitute(names, I=at, J=at + 1, BEFORE=before, BITS=bits, LAST=last, RIGHT=right))
        before, bits = f"nodes.end.{at}", f"%bits.{at + 1}"
    return "".join(parts) + "  br label %tree.end"


def _loaded(name: str, base: str, step: str, at: int, kind: str) -> str:
    return f"  %{name}.p = getelementptr {step}, ptr %{base}, i64 {at}\n  %{name} = load {kind}, ptr %{name}.p\n"


def _widened(at: int) -> str:
    return f"  %at.{at} = zext i32 %b.{at} to i64\n"
