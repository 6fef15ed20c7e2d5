"""What every worker of our Ray does first: its gRPC servers listen on this machine only.

A Serve replica opens one for its peers on all addresses of the machine, and unpickles what arrives
there without asking who sent it: whoever reaches that port runs code. Serve has no setting for it.
"""

from __future__ import annotations

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
