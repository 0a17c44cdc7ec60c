"""gallery.museum.test: a small museum's web site of plain pages, a page for each work, and two kinds of house rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from harvest.demo.museum.collection import Collection
from harvest.demo.museum.exhibit import Exhibit
from harvest.demo.museum.web import (
    Answer,
    Request,
    as_json,
    asset,
    html,
    not_found,
    robots_txt,
    serve_file,
    template,
)

__all__ = ["PER_PAGE", "Gallery", "srcset"]

PER_PAGE: Final = 24
_WIDTHS: Final = (240, 400)


def srcset(exhibit: Exhibit) -> list[tuple[str, int]]:
    """The copies of a picture that a page offers, from small to large, with their widths; last the file itself."""
    width = exhibit.picture.size[0]
    return [*((f"/thumbs/{each}/{exhibit.slug}.jpg", each) for each in _WIDTHS if each < width), (exhibit.path, width)]


class Gallery:
    """Listings of `PER_PAGE` works, linked by rel=next, and a page a work."""

    def __init__(self, collection: Collection, thumbnails: Callable[[Exhibit, int], bytes]) -> None:
        self._collection, self._thumbnails = collection, thumbnails
        self._works = [exhibit for exhibit in collection.exhibits if exhibit.source == "gallery"]
        self._by_path = {work.path: work for work in self._works}
        self._by_slug = {work.slug: work for work in self._works}

    def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        path = request.path
        fixed: dict[str, Callable[[], Answer]] = {
            "/": lambda: html(template("home.html", works=self._shown(), total=len(self._works))),
            "/museum.css": lambda: asset("museum.css", "text/css"),
            "/terms": lambda: html(template("terms.html")),
            "/robots.txt": lambda: robots_txt("/private/", "/admin/"),
            "/.well-known/tdmrep.json": self._tdmrep,
            "/terms.json": lambda: as_json({"@type": "Offer", "assigner": {"email": "rights@museum.test"}}),
        }
        if path in fixed:
            return fixed[path]()
        if path == "/works":
            return self._listing(request)
        if (slug := re.fullmatch(r"/works/([a-z0-9-]+)", path)) and slug[1] in self._by_slug:
            return self._page(self._by_slug[slug[1]])
        if work := self._by_path.get(path):
            digest = self._collection.sha256(work)
            return not_found() if digest is None else serve_file(request, work, self._collection.body(work), digest)
        if (thumb := re.fullmatch(r"/thumbs/(\d+)/([a-z0-9-]+)\.jpg", path)) and thumb[2] in self._by_slug:
            body = self._thumbnails(self._by_slug[thumb[2]], int(thumb[1]))
            return Answer(200, body, (("Content-Type", "image/jpeg"),))
        return not_found()

    def _shown(self) -> list[Exhibit]:
        return [work for work in self._works if work.kind == "specimen"][:10]

    def _tdmrep(self) -> Answer:
        """https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/"""
        policy = "http://gallery.museum.test/terms.json"
        return as_json([{"location": "/reserved/*", "tdm-reservation": 1, "tdm-policy": policy}])

    def _listing(self, request: Request) -> Answer:
        asked = request.parameter("page", "1")
        page, pages = int(asked) if asked.isdecimal() else 0, -(-len(self._works) // PER_PAGE)
        if not 1 <= page <= pages:
            return not_found()
        works = self._works[(page - 1) * PER_PAGE : page * PER_PAGE]
        return html(template("works.html", works=works, page=page, pages=pages, srcset=srcset, total=len(self._works)))

    def _page(self, work: Exhibit) -> Answer:
        at = self._works.index(work)
        neighbours = (self._works[at - 1] if at else None, self._works[at + 1] if at + 1 < len(self._works) else None)
        return html(template("work.html", work=work, srcset=srcset, previous=neighbours[0], following=neighbours[1]))
