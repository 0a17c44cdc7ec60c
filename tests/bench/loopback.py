"""A server that costs next to nothing: photographs from memory over kept-alive connections, each with bytes of its own.

`python tests/bench/loopback.py --images N --distinct M [--folder DIR]` prints its port and serves until stdin ends:
/N.jpg is a photograph, anything else 404.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from photographs import commented, photographs

_MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class _Connection(asyncio.Protocol):
    def __init__(self, bodies: list[bytes], images: int) -> None:
        self._bodies, self._images = bodies, images
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while b"\r\n\r\n" in self._unread:
            head, _, self._unread = self._unread.partition(b"\r\n\r\n")
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        name = head.split(b" ", 2)[1].removeprefix(b"/").removesuffix(b".jpg")
        if name.isdigit() and int(name) < self._images:
            start, rest = commented(self._bodies[int(name) % len(self._bodies)], int(name))
            length = len(start) + len(rest)
            said = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % length
            self._transport.writelines([said, start, rest])
        else:
            self._transport.write(_MISSING)
        if b"\r\nconnection: close" in head.lower():
            self._transport.close()


async def _serve(bodies: list[bytes], images: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(bodies, images), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--distinct", type=int, required=True)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    asyncio.run(_serve(photographs(options.distinct, options.folder), options.images))


if __name__ == "__main__":
    main()
