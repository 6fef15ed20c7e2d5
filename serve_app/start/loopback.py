"""What a worker of our Ray opens listens on this machine only.

A Serve replica opens a gRPC server for its peers on all addresses of the machine, and unpickles what arrives there
from whoever shows the token of this Ray; from anybody, where none is demanded. HAProxy shows its figures on two ports
to everybody. Serve has no setting for either.
"""

from __future__ import annotations

import sys
from typing import Any

from serve_app.start.haproxy import Templates

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
