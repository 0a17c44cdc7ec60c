"""What goes in and out of the museum's hosts: a request as they see it, an answer as they give it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harvest.demo.museum.exhibit import Exhibit, taken_on_server

__all__ = [
    "Answer",
    "Request",
    "as_json",
    "asset",
    "html",
    "not_found",
    "plain",
    "robots_txt",
    "serve_file",
    "template",
]

_PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True, slots=True)
class Request:
    """A GET or HEAD: `target` is the path with its query, header names are in small letters."""

    method: str
    host: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        """Every value of every parameter."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def parameter(self, name: str, default: str = "") -> str:
        """The last value of a parameter."""
        return self.query.get(name, [default])[-1]

    @property
    def url(self) -> str:
        """The whole address."""
        return f"http://{self.host}{self.target}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers; the server adds Content-Length. Headers may repeat."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def html(text: str, status: int = 200, *headers: tuple[str, str]) -> Answer:
    """A page."""
    return Answer(status, text.encode(), (("Content-Type", "text/html; charset=utf-8"), *headers))


def as_json(value: Any, status: int = 200, *headers: tuple[str, str]) -> Answer:
    """A JSON document, of which the museum asks that caches let it be."""
    head = (("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store"), *headers)
    return Answer(status, json.dumps(value, ensure_ascii=False).encode(), head)


def plain(text: str, status: int = 200, *headers: tuple[str, str]) -> Answer:
    """Plain text."""
    return Answer(status, text.encode(), (("Content-Type", "text/plain; charset=utf-8"), *headers))


def not_found() -> Answer:
    """A 404 for people."""
    return html("<!DOCTYPE html><title>Not found</title><h1>Not found</h1>", 404)


def robots_txt(*denied: str) -> Answer:
    """A robots.txt that denies some paths to everybody; none denied means all are allowed."""
    rules = "".join(f"Disallow: {path}\n" for path in denied) or "Disallow:\n"
    return plain(f"User-agent: *\n{rules}")


def serve_file(request: Request, exhibit: Exhibit, body: bytes, digest: str) -> Answer:
    """An image with its validators; 304 when the request already holds it."""
    etag, modified = f'"{digest[:20]}"', format_datetime(taken_on_server(exhibit), usegmt=True)
    validators = (("Content-Type", exhibit.media_type), ("ETag", etag), ("Last-Modified", modified))
    refusal: dict[str, tuple[tuple[str, str], ...]] = {
        "noai-header": (("X-Robots-Tag", "noai, noimageai"),),
        "tdm-header": (("tdm-reservation", "1"), ("tdm-policy", f"http://{request.host}/terms.json")),
    }
    head = validators + refusal.get(exhibit.way, ())
    known = request.headers.get("if-none-match")
    fresh = known == etag if known else request.headers.get("if-modified-since") == modified
    return Answer(304, b"", head) if fresh else Answer(200, body, head)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def template(name: str, **values: Any) -> str:
    """A page of the folder `pages`, filled in."""
    return _environment().get_template(name).render(**values)


def asset(name: str, media_type: str) -> Answer:
    """A style sheet or script of the folder `pages`."""
    return Answer(200, (_PAGES / name).read_bytes(), (("Content-Type", f"{media_type}; charset=utf-8"),))
