"""studio.museum.test: a gallery that is an empty page until its script has run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from harvest.demo.museum.collection import Collection
from harvest.demo.museum.exhibit import GALLERY, Exhibit
from harvest.demo.museum.gallery import srcset
from harvest.demo.museum.web import Answer, Request, as_json, asset, html, not_found, robots_txt, serve_file, template

__all__ = ["PER_PAGE", "Studio"]

PER_PAGE: Final = 32


class Studio:
    """One page with a button for more; its script asks `/api/works?page=N` and builds the cards."""

    def __init__(self, collection: Collection, thumbnails: Callable[[Exhibit, int], bytes]) -> None:
        self._collection, self._thumbnails = collection, thumbnails
        self._works = [exhibit for exhibit in collection.exhibits if exhibit.source == "studio"]
        self._by_path = {work.path: work for work in self._works}
        self._by_slug = {work.slug: work for work in self._works}

    def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        fixed: dict[str, Callable[[], Answer]] = {
            "/": lambda: html(template("studio.html")),
            "/museum.css": lambda: asset("museum.css", "text/css"),
            "/studio.js": lambda: asset("studio.js", "text/javascript"),
            "/robots.txt": lambda: robots_txt("/private/"),
            "/api/works": lambda: self._api(request),
        }
        if request.path in fixed:
            return fixed[request.path]()
        if work := self._by_path.get(request.path):
            digest = self._collection.sha256(work)
            return not_found() if digest is None else serve_file(request, work, self._collection.body(work), digest)
        if (thumb := re.fullmatch(r"/thumbs/(\d+)/([a-z0-9-]+)\.jpg", request.path)) and thumb[2] in self._by_slug:
            body = self._thumbnails(self._by_slug[thumb[2]], int(thumb[1]))
            return Answer(200, body, (("Content-Type", "image/jpeg"),))
        return not_found()

    def _api(self, request: Request) -> Answer:
        asked = request.parameter("page", "1")
        page, pages = int(asked) if asked.isdecimal() else 0, -(-len(self._works) // PER_PAGE)
        if not 1 <= page <= pages:
            return as_json({"error": "no such page"}, 404)
        works = self._works[(page - 1) * PER_PAGE : page * PER_PAGE]
        listing = [self._entry(work) for work in works]
        return as_json({"page": page, "pages": pages, "total": len(self._works), "works": listing})

    def _entry(self, work: Exhibit) -> dict[str, Any]:
        card = work.card
        rights = (
            {"label": card.terms.label, "url": card.terms.url or f"http://{GALLERY}/terms"}
            if card.terms.label
            else None
        )
        sizes = [{"url": url, "width": width} for url, width in srcset(work)]
        return {
            "slug": work.slug,
            "title": card.title,
            "caption": card.caption,
            "creator": card.creator,
            "year": card.year,
            "licence": rights,
            "sizes": sizes,
        }
