"""`python -m bench.mlflow_door.null PORT ADDRESS`: a server that does nothing, as fast as it can.

The first request to each address goes on to the server at ADDRESS; what that answered is then said to everybody who asks the
same address, without a look at the question. What a client takes with such a server, it takes by itself.
"""

import asyncio
import sys
import urllib.request
from typing import cast

import uvloop

_KNOWN: dict[bytes, bytes] = {}


class _Null(asyncio.Protocol):
    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, rest = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        if len(rest) < length:
            return
        self._read = rest[length:]
        asked = head.partition(b"?")[0].partition(b" HTTP")[0]
        if asked not in _KNOWN:
            _KNOWN[asked] = _forwarded(self._upstream, head, rest[:length])
        self._transport.write(_KNOWN[asked])


def _forwarded(upstream: str, head: bytes, body: bytes) -> bytes:
    method, path, _ = head.partition(b"\r\n")[0].decode().split(" ")
    headers = {"Content-Type": "application/json"} if body else {}
    request = urllib.request.Request(upstream + path, body or None, headers, method=method)  # noqa: S310  as above
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        found = answer.read()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(found), found)


async def _serve(port: int, upstream: str) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Null(upstream), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), sys.argv[2]))
