"""A Redis of a crawl's own, for several processes of one machine: no port, but a socket that nobody else can open."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harvest.crawl.shared.state import connect
from harvest.errors import ComponentMissing

__all__ = ["private_redis"]

_PATIENCE = 30.0  # seconds until it has to answer
# It ends when it is told to, and when its maker is gone: then a while later, so that workers can save their state.
_UNTIL_TOLD = '"$@" & server=$!; read -r _ || sleep 15; kill "$server"; wait "$server"; rm -rf -- "$0"'


@contextmanager
def private_redis() -> Iterator[str]:
    """Run a redis-server for as long as the block, and yield its URL. Raises ComponentMissing."""
    program = shutil.which("redis-server")
    if program is None:
        raise ComponentMissing(
            "several processes for one source need a Redis: apt-get install redis-server, "
            "or name one with --scheduler redis://host:port/number"
        )
    with tempfile.TemporaryDirectory(prefix="harvest-", ignore_cleanup_errors=True) as folder:
        socket = Path(folder) / "redis.sock"
        url = f"unix://{socket}"
        options = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", folder]
        options += ["--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", "redis.log"]
        with subprocess.Popen(
            ["/bin/sh", "-c", _UNTIL_TOLD, folder, program, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the workers, which save their state there
        ) as server:
            assert server.stdin is not None
            try:
                _wait_for(url, Path(folder) / "redis.log")
                yield url
            finally:
                server.stdin.write(b"end\n")
                server.stdin.close()


def _wait_for(url: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    client = connect(url)
    try:
        while True:
            try:
                client.ping()
            except Exception as error:
                if time.monotonic() > deadline:
                    said = log.read_text(errors="replace").splitlines()[-1:] if log.exists() else [str(error)]
                    raise ComponentMissing(f"redis-server does not start: {' '.join(said)}") from None
            else:
                return
            time.sleep(0.02)
    finally:
        client.close()
