"""A server that speaks the S3 protocol, as a process, for the tests of remotes."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a server with one empty bucket, `models`."""
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **KEYS},
    )
    assert server.stderr is not None
    listener = threading.Thread(target=server.stderr.read, daemon=True)
    try:
        address = _address(server)
        # It tells of every request: unread, its words would fill the pipe and stop it.
        listener.start()
        boto3.client(
            "s3",
            endpoint_url=address,
            region_name=KEYS["AWS_REGION"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        ).create_bucket(Bucket="models")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)
        if listener.is_alive():
            listener.join(timeout=30)
        server.stderr.close()


def _address(server: "subprocess.Popen[str]") -> str:
    assert server.stderr is not None
    for line in server.stderr:
        if found := re.search(r"Running on (http://[\d.:]+)", line):
            return found[1]
    raise AssertionError(f"The server ended with {server.wait()} before it said where it is.")
