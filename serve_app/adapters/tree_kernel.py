"""The machine code that walks ``TreeTables``: one function for all students, made by LLVM for this processor.

It takes ``LANES`` rows at a time and turns them on their side, so that a column of theirs fills vector registers; a
node is then one comparison and one ``and`` for all of them. Made in a twentieth of a second, once a process, and
kept nowhere: there is no compiled file that could be stale, spoilt or somebody else's.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from serve_app.adapters.tree_walk import code

Kernel = Callable[[int, int, int, int, int, int], None]
"""Addresses of the tables and of float32 rows; how many rows; how many the whole answer has; addresses of
``LANES`` float32 a used column to work in, and of the first row's place in a (bags, whole answer, scores) float64."""

_turn = threading.Lock()


def kernel(bits: int) -> Kernel:
    """For words of 32 or 64 bits. Takes a twentieth of a second the first time; safe to be asked by several threads."""
    with _turn:
        return _made(bits)


def host() -> str:
    """The processor, as far as code is made for it."""
    return f"{llvm.get_host_cpu_name()} {_features()}"


@cache
def _made(bits: int) -> Kernel:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=_features(), opt=2)
    module = llvm.parse_assembly(code(bits))
    module.verify()
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    made: Any = ctypes.CFUNCTYPE(None, *_ARGUMENTS)(engine.get_function_address("walk"))
    made.engine = engine  # it owns the code
    return made  # type: ignore[no-any-return]


_ARGUMENTS = (
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p,
)  # fmt: skip


def _features() -> str:
    try:
        return str(llvm.get_host_cpu_features().flatten())
    except RuntimeError:  # LLVM does not know this kind of processor: code for all of it
        return ""
