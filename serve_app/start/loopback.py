"""What a worker of our Ray opens listens on this machine only.

A Serve replica opens a gRPC server for its peers on all addresses of the machine, and unpickles what
arrives there without asking who sent it: whoever reaches that port runs code. HAProxy shows its figures
on two ports to everybody. Serve has no setting for either.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

HERE = "127.0.0.1:"
ANYWHERE = ("[::]:", "0.0.0.0:")


def listen_here() -> None:
    """Before Serve is imported, which takes the function over by name."""
    from ray._common import tls_utils

    add_port = tls_utils.add_port_to_grpc_server

    def add_port_here(server: Any, address: str) -> int:
        for anywhere in ANYWHERE:
            address = address.replace(anywhere, HERE, 1)
        return int(add_port(server, address))

    tls_utils.add_port_to_grpc_server = add_port_here
    sys.meta_path.insert(0, Templates())


TEMPLATES = "ray.serve._private.haproxy_templates"
FIGURES = {
    "bind :{{ config.metrics_port }}": "bind unix@{{ config.socket_path }}.metrics",
    "bind *:{{ config.stats_port }}": "bind unix@{{ config.socket_path }}.stats",
}
"""Sockets in a folder of ours: two Understudys on one machine would want the same ports."""


class Templates(MetaPathFinder):
    """HAProxy's configuration, changed as it is imported: every other worker is spared Serve."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != TEMPLATES:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        assert spec is not None
        load = spec.loader.exec_module  # type: ignore[union-attr]

        def load_and_change(module: ModuleType) -> None:
            load(module)
            module.HAPROXY_CONFIG_TEMPLATE = here(module.HAPROXY_CONFIG_TEMPLATE)

        spec.loader.exec_module = load_and_change  # type: ignore[union-attr, method-assign]
        return spec


def here(template: str) -> str:
    """Raises RuntimeError for a Ray whose template has changed: better no start than an open port."""
    for anywhere, socket in FIGURES.items():
        if anywhere not in template:
            raise RuntimeError(f"HAProxy's template has no {anywhere!r}: set RAY_SERVE_ENABLE_HA_PROXY=0")
        template = template.replace(anywhere, socket)
    return template
