"""A real Redis with a password, for one test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests.patience import wait_until
from tests.peers.conftest import free_port

PASSWORD = "swordfish-4711"


@dataclass(frozen=True)
class RedisServer:
    url: str
    client: redis.Redis

    def contents(self) -> bytes:
        """All names and values there are."""
        read = {
            "string": self.client.get,
            "hash": self.client.hgetall,
            "set": self.client.smembers,
            "zset": lambda key: self.client.zrange(key, 0, -1),
        }
        found = [(key, read[self.client.type(key).decode()](key)) for key in self.client.scan_iter()]
        return repr(found).encode()


@pytest.fixture(name="redis_server")
def _redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.fail("these tests need a Redis: apt-get install redis-server")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen([*command, "--requirepass", PASSWORD], stdout=subprocess.DEVNULL) as server:
        url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
        client = redis.Redis.from_url(url)
        try:
            wait_until(lambda: _answers(client), server)
            yield RedisServer(url, client)
        finally:
            client.close()
            server.terminate()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
