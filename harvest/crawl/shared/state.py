"""What the workers of one crawl share in a Redis: a queue, what is under way with whom, what was seen, who lives.

    harvest:<source>                 the crawl that is going on: its id, the digest of its config, whether it has ended
    harvest:<source>:<crawl>:queue   sorted set: entry -> minus priority
    ...:pending                      hash: entry -> "<worker> <score>", from pop to acknowledgement
    ...:seen  ...:items              sets: fingerprints of requests and of images that were ever queued
    ...:workers                      hash: worker -> its run_id
    ...:beat:<worker>                there while the worker lives
    ...:counts                       hash: outcome of images -> number
    ...:tombstones                   set: what was taken down in the workspaces of the workers, as JSON

Whatever must not be torn apart by a kill is one script, which Redis runs whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from harvest.errors import ComponentMissing, SourceError, UsageError

__all__ = ["Held", "SharedCrawl", "answered", "connect", "fingerprint_of", "without_secrets"]

_PUSH = """
    if ARGV[1] ~= '' then
        if tonumber(ARGV[4]) > 0 and redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[4]) then return -1 end
        if redis.call('SADD', KEYS[2], ARGV[1]) == 0 then return 0 end
    end
    redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
    return 1"""
_POP = """
    local found = redis.call('ZPOPMIN', KEYS[1])
    if #found == 0 then return false end
    redis.call('HSET', KEYS[2], found[1], ARGV[1] .. ' ' .. found[2])
    return {found[1], found[2]}"""
_ACKNOWLEDGE = """
    local held = redis.call('HGET', KEYS[1], ARGV[1])
    if held ~= ARGV[2] then return 0 end
    redis.call('HDEL', KEYS[1], ARGV[1])
    if ARGV[3] ~= '' then redis.call('HINCRBY', KEYS[2], ARGV[3], 1) end
    return 1"""
_GIVE_BACK = """
    if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
    redis.call('HDEL', KEYS[2], ARGV[1])
    redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
    return 1"""
# The end is said once nothing waits and nothing is under way; whoever looks later finds it said.
_FINISH = """
    if redis.call('ZCARD', KEYS[1]) > 0 or redis.call('HLEN', KEYS[2]) > 0 then return 0 end
    if redis.call('HGET', KEYS[3], 'crawl_id') == ARGV[1] then redis.call('HSET', KEYS[3], 'ended', '1') end
    return 1"""
_JOIN = """
    local id, digest = unpack(redis.call('HMGET', KEYS[1], 'crawl_id', 'digest'))
    if id and not redis.call('HGET', KEYS[1], 'ended') then return {id, digest, 0} end
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'crawl_id', ARGV[1], 'digest', ARGV[2])
    return {ARGV[1], ARGV[2], 1}"""
_CLEAR = """
    if redis.call('HGET', KEYS[1], 'crawl_id') == ARGV[1] then
        if not redis.call('HGET', KEYS[1], 'ended') then return 0 end
        redis.call('DEL', KEYS[1])
    end
    for number = 2, #KEYS do redis.call('DEL', KEYS[number]) end
    return 1"""
# A worker that was killed a moment ago still counts as living, and will never come to take the keys away.
_LAPSE = """
    local is_ours = redis.call('HGET', KEYS[1], 'crawl_id') == ARGV[1]
    if is_ours and not redis.call('HGET', KEYS[1], 'ended') then return 0 end
    for number = is_ours and 1 or 2, #KEYS do redis.call('PEXPIRE', KEYS[number], ARGV[2]) end
    return 1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An entry that a worker took, and the score under which it goes back."""

    line: bytes
    score: str


def connect(url: str) -> Any:
    """A client of the Redis at `url` that gives up in seconds. Raises ComponentMissing and UsageError."""
    try:
        import redis  # noqa: PLC0415 - an optional component
        import scrapy_redis  # noqa: F401, PLC0415
    except ImportError:
        raise ComponentMissing(
            "a crawl of several workers needs packages: pip install 'herbarium-harvester[redis]'"
        ) from None
    try:
        return redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=5)
    except ValueError as error:
        raise UsageError(f"scheduler {without_secrets(url)}: expected redis://host:port/number ({error})") from None


@contextmanager
def answered(url: str) -> Iterator[None]:
    """Turn what goes wrong with the Redis at `url` into a SourceError that shows no password."""
    import redis  # noqa: PLC0415 - an optional component

    try:
        yield
    except redis.RedisError as error:
        said = " ".join(str(error).split()).replace(urlsplit(url).password or "\0", "***")
        raise SourceError(f"scheduler {without_secrets(url)}: this Redis does not serve us: {said}") from None


def without_secrets(url: str) -> str:
    """The URL without user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


class SharedCrawl:
    """One worker's hold on the crawl of `source`. Every method raises SourceError when Redis does not answer.

    A worker that has given no sign of life for `lease` seconds is dead: what it had goes back to the queue.
    """

    def __init__(self, client: Any, url: str, *, source: str, digest: str, lease: float) -> None:
        self._client, self._url, self._source, self._digest = client, url, source, digest
        self._lease = lease
        self.worker = secrets.token_hex(8)
        self.crawl_id = ""
        self._scripts = {
            name: client.register_script(text)
            for name, text in (
                ("push", _PUSH),
                ("pop", _POP),
                ("acknowledge", _ACKNOWLEDGE),
                ("give_back", _GIVE_BACK),
                ("finish", _FINISH),
                ("join", _JOIN),
                ("clear", _CLEAR),
                ("lapse", _LAPSE),
            )
        }

    def join(self, proposed: str) -> bool:
        """Take part in the crawl that is going on, else begin one with the id `proposed`; whether it was begun.

        Raises UsageError when workers are crawling this source by another config.
        """
        with answered(self._url):
            found, digest, is_new = self._run("join", [self._root], [proposed, self._digest])
            self.crawl_id, digest = _text(found), _text(digest)
            if digest != self._digest and self.alive():
                raise UsageError(
                    f"{self._source}: other workers crawl this source now by another config; "
                    "give all the same file, or wait until they are done"
                )
            if digest != self._digest:
                self._client.delete(self._root, *self._keys())
                return self.join(proposed)
            self.beat()
            self._client.hset(self._key("workers"), self.worker, "")
        return bool(is_new)

    def beat(self, run_id: str | None = None) -> None:
        """Give a sign of life; and say, once it is known, in which run this worker writes its journal."""
        with answered(self._url):
            self._client.set(self._key(f"beat:{self.worker}"), "1", px=int(self._lease * 1000))
            if run_id:
                self._client.hset(self._key("workers"), self.worker, run_id)

    def push(self, line: str, priority: int, fingerprint: str = "", *, kind: str = "seen", most: int = 0) -> int:
        """Queue an entry: 1 when it was, 0 when its fingerprint was seen before, -1 when `most` of its kind were."""
        keys = [self._key("queue"), self._key(kind)]
        with answered(self._url):
            return int(self._run("push", keys, [fingerprint, line, -priority, most]))

    def exchange(self, tombstones: Collection[str]) -> set[str]:
        """Tell the other workers of tombstones, each a line of JSON; those that any worker told of until now."""
        with answered(self._url):
            if tombstones:
                self._client.sadd(self._key("tombstones"), *tombstones)
            return {_text(line) for line in self._client.smembers(self._key("tombstones"))}

    def pop(self) -> Held | None:
        """The entry that is next, which is this worker's from now on."""
        with answered(self._url):
            found = self._run("pop", [self._key("queue"), self._key("pending")], [self.worker])
        return Held(line=found[0], score=_text(found[1])) if found else None

    def acknowledge(self, held: Held, outcome: str = "", worker: str | None = None) -> None:
        """An entry that `worker`, else this one, had is done with; `outcome` is counted for the whole crawl."""
        with answered(self._url):
            keys = [self._key("pending"), self._key("counts")]
            self._run("acknowledge", keys, [held.line, f"{worker or self.worker} {held.score}", outcome])

    def give_back(self, held: Held, worker: str | None = None) -> None:
        """An entry that `worker`, else this one, had goes back to the queue."""
        with answered(self._url):
            keys = [self._key("queue"), self._key("pending")]
            self._run("give_back", keys, [held.line, f"{worker or self.worker} {held.score}", held.score])

    def held_by_others(self) -> Iterator[tuple[str, str, Held]]:
        """What other workers have under way: worker, its run_id ('' when unknown), entry."""
        with answered(self._url):
            runs = {_text(worker): _text(run) for worker, run in self._client.hgetall(self._key("workers")).items()}
            pending = self._client.hgetall(self._key("pending"))
        for line, holder in pending.items():
            worker, _, score = _text(holder).partition(" ")
            if worker != self.worker:
                yield worker, runs.get(worker, ""), Held(line=line, score=score)

    def alive(self) -> set[str]:
        """The workers that give signs of life."""
        with answered(self._url):
            workers = [_text(worker) for worker in self._client.hkeys(self._key("workers"))]
            beats = self._client.mget([self._key(f"beat:{worker}") for worker in workers]) if workers else []
        return {worker for worker, beat in zip(workers, beats, strict=True) if beat}

    def waiting(self) -> int:
        """How many entries nobody has taken."""
        with answered(self._url):
            return int(self._client.zcard(self._key("queue")))

    def under_way(self) -> int:
        """How many entries are with workers, this one included."""
        with answered(self._url):
            return int(self._client.hlen(self._key("pending")))

    def counts(self) -> Mapping[str, int]:
        """How many images of the whole crawl came to which outcome."""
        with answered(self._url):
            return {_text(k): int(v) for k, v in self._client.hgetall(self._key("counts")).items()}

    def count(self, outcomes: Mapping[str, int]) -> None:
        """Count images of the crawl that were journaled before it came to this Redis."""
        with answered(self._url):
            for outcome, number in outcomes.items():
                self._client.hincrby(self._key("counts"), outcome, number)

    def finish(self) -> bool:
        """Note the end of the crawl when there is nothing left; whether it has come."""
        with answered(self._url):
            keys = [self._key("queue"), self._key("pending"), self._root]
            return bool(self._run("finish", keys, [self.crawl_id]))

    def leave(self) -> None:
        """Stop being a worker. The last one to leave a crawl that has ended takes its keys away.

        Whoever leaves it before lets them lapse, when all that count as living now have left or are known to be dead.
        """
        with answered(self._url):
            self._client.delete(self._key(f"beat:{self.worker}"))
            self._client.hdel(self._key("workers"), self.worker)
            keys = [self._root, *self._keys()]
            if self.alive():
                self._run("lapse", keys, [self.crawl_id, int(3 * self._lease * 1000)])
            else:
                self._run("clear", keys, [self.crawl_id])

    @property
    def _root(self) -> str:
        return f"harvest:{self._source}"

    def _key(self, name: str) -> str:
        return f"{self._root}:{self.crawl_id}:{name}"

    def _keys(self) -> list[str]:
        return [self._key(name) for name in ("queue", "pending", "seen", "items", "workers", "counts", "tombstones")]

    def _run(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        return self._scripts[script](keys=keys, args=arguments)


def fingerprint_of(source_id: str, image_url: str) -> str:
    """What tells one image of a source from another."""
    return hashlib.sha1(json.dumps([source_id, image_url]).encode(), usedforsecurity=False).hexdigest()


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
