"""A real server of the S3 protocol on this machine (moto), with a bucket and credentials for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "tables"
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(slots=True)
class S3Server:
    endpoint: str
    server: ThreadedMotoServer
    bucket: str = BUCKET

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Nobody listens for as long. What it held is there again after."""
        self.end()
        try:
            yield
        finally:
            self.server = _begun(int(self.endpoint.rpartition(":")[2]))

    def end(self) -> None:
        listening = self.server._server
        self.server.stop()
        if listening is not None:  # what is stopped still listens
            listening.server_close()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    before = {name: os.environ.get(name) for name in SETTINGS}
    os.environ.update(SETTINGS)
    server = _begun()
    host, port = server.get_host_and_port()
    made = S3Server(f"http://{host}:{port}", server)
    try:
        boto3.client("s3", endpoint_url=made.endpoint).create_bucket(Bucket=BUCKET)
        yield made
    finally:
        made.end()
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def _begun(port: int = 0) -> ThreadedMotoServer:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    return server
