"""A web server of a directory, as a process: etags, ranges, and on demand an answer that breaks off.

`python file_server.py DIRECTORY` prints its port. A path `/cut/NAME` answers half of what is asked for and hangs up; `/plain/NAME`
has neither etag nor ranges; `/stall/NAME` sends half of a whole file and then nothing more; `/to/N/NAME` leads on N times; `/status/CODE` answers so; `/secret/NAME` needs the password `open`. What was asked
is written to `DIRECTORY/requests.log`: path, status, bytes of the body.
"""

import base64
import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import msgspec


class Web(msgspec.Struct, frozen=True):
    """What a test needs of the server: its address, the directory it serves, and what it was asked."""

    url: str
    folder: Path

    def asked(self) -> list[str]:
        """`path status bytes` of each request since the last call."""
        log = self.folder / "requests.log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: ClassVar[Path]

    def do_GET(self) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        way, name = (parts[0], parts[-1]) if len(parts) > 1 else ("", parts[0])
        if way == "to" and parts[1] != "0":
            self.answer(302, {"Location": f"/to/{int(parts[1]) - 1}/{name}"}, b"")
        elif way == "status":
            self.answer(int(name), {}, b"")
        elif way == "secret" and self.headers.get("Authorization") != f"Basic {base64.b64encode(b'me:open').decode()}":
            self.answer(401, {}, b"")
        elif not (self.folder / name).is_file():
            self.answer(404, {}, b"")
        else:
            self.file((self.folder / name).read_bytes(), way)

    def file(self, content: bytes, way: str) -> None:
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if way == "plain":
            self.answer(200, {}, content)
            return
        if self.headers.get("If-None-Match") == etag:
            self.answer(304, {"ETag": etag}, b"")
            return
        wanted = self.headers.get("Range", "")
        if wanted and self.headers.get("If-Range", etag) == etag:
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            if first >= len(content):
                self.answer(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
                return
            place = f"bytes {first}-{len(content) - 1}/{len(content)}"
            self.answer(206, {"ETag": etag, "Content-Range": place}, content[first:], is_cut=way == "cut")
            return
        self.answer(200, {"ETag": etag}, content, is_cut=way in ("cut", "stall"))

    def answer(self, status: int, headers: dict[str, str], body: bytes, *, is_cut: bool = False) -> None:
        sent = body[: len(body) // 2] if is_cut and len(body) > 1 else body
        with (self.folder / "requests.log").open("a") as log:
            log.write(f"{self.path} {status} {len(sent)}\n")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(sent)
        if self.path.startswith("/stall/") and status == 200:
            time.sleep(60)
        if len(sent) < len(body):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name that http.server gives it)
        """Say nothing on stderr."""


@contextmanager
def serving(folder: Path) -> Iterator[Web]:
    """The server of `folder`, as a process."""
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Web(f"http://127.0.0.1:{int(process.stdout.readline())}", folder)
        process.kill()


if __name__ == "__main__":
    Handler.folder = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)  # noqa: T201 (the caller reads the port)
    server.serve_forever()
