"""Processes that are up before they are asked for: each is two seconds of imports, and what starts them starts one
after the other."""

from __future__ import annotations

import importlib

import ray


def bring_up(count: int, *modules: str) -> None:
    """Begins ``count`` of them at once, with ``modules`` imported. Ray gives whatever is started next, in the same
    environment, to one that waits."""
    for _ in range(count):
        ray.remote(num_cpus=0, max_retries=0)(_import).options(name="a process to be").remote(modules)


def _import(modules: tuple[str, ...]) -> None:
    for module in modules:
        importlib.import_module(module)
