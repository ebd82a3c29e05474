"""A process that went offline; it never comes back, so each test starts one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from homeostat.reproduction.offline import isolated, write_startup


def offline(code: str) -> str:
    """The last line of what a fresh process says that goes offline and runs `code`."""
    source = f"from homeostat.reproduction.offline import go_offline\nimport asyncio, socket\ngo_offline()\n{code}"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    return (done.stderr or done.stdout).strip().splitlines()[-1]


def test_connection_to_a_listening_port_is_refused() -> None:
    """A connection that would succeed is not made."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = offline(f"socket.socket().connect({server.getsockname()!r})")

    assert said.startswith(
        "PermissionError: The network is off while a model is made again (socket.connect ('127.0.0.1'"
    )


@pytest.mark.parametrize(
    "code",
    [
        "socket.getaddrinfo('localhost', 80)",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "socket.create_connection(('127.0.0.1', 9))",
    ],
)
def test_lookups_and_datagrams_are_refused(code: str) -> None:
    """Nothing leaves by another way of the socket module."""
    assert offline(code).startswith("PermissionError: The network is off")


def test_an_event_loop_still_runs() -> None:
    """What stays inside the process is left alone."""
    assert "done" == offline("async def say(): print('done')\nasyncio.run(say())")


def test_processes_it_starts_are_offline_too(tmp_path: Path) -> None:
    """With the startup folder in PYTHONPATH a Python process is offline from its first line."""
    folder = write_startup(tmp_path / "startup")
    done = subprocess.run(
        [sys.executable, "-c", "import socket\nsocket.create_connection(('127.0.0.1', 9))"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "PermissionError: The network is off" in done.stderr


@pytest.mark.skipif(not isolated(), reason="this system gives no network namespace")
def test_what_is_no_python_of_ours_is_offline_in_a_namespace() -> None:
    """A program without the audit hook does not reach a port that listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ask = f"import socket; socket.create_connection({server.getsockname()!r})"
        done = subprocess.run(
            [*isolated(), sys.executable, "-I", "-c", ask], capture_output=True, text=True, check=False
        )

    assert "Network is unreachable" in done.stderr


def test_without_namespaces_a_command_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tool for it is missing, or refuses."""
    monkeypatch.setenv("PATH", str(tmp_path))
    without = isolated()
    (tmp_path / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)

    assert ([], []) == (without, isolated())
