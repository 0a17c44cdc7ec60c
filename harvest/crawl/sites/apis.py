"""What is the same for all spiders that ask an API: requests to it, and answers that are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.http import Response

from harvest.errors import SourceRefused

if TYPE_CHECKING:
    from harvest.crawl.base import SourceSpider

__all__ = ["Trouble", "api_request", "settle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An answer that is none.

    `kind` is `again` for what may pass, `refused` for what stops all, `list` for what stops one list alone.
    """

    kind: str
    said: str


def api_request(url: str, callback: Callable[..., Any], **arguments: Any) -> Request:
    """A call to an API whose own rules bind programs, where the host's robots.txt keeps search engines out of it.

    Wikimedia's denies everybody /w/, where its API is, and Openverse's denies /v1/; both ask programs to use just that,
    at a stated pace. robots.txt is still read and obeyed for every image and page, also on the same host.
    https://www.mediawiki.org/wiki/API:Etiquette, https://docs.openverse.org/terms_of_service.html
    """
    return Request(url, callback, cb_kwargs=arguments, meta={"dont_obey_robotstxt": True})


def settle(spider: SourceSpider[Any], response: Response, trouble: Trouble, name: str) -> Iterator[Request]:
    """What follows from trouble with the list `name`: the same call later, or a note that images are missing.

    Raises SourceRefused where all stops, and SourceChanged when it was asked often enough.
    """
    if trouble.kind == "again":
        yield spider.again(response, trouble.said)
    elif trouble.kind == "refused":
        raise SourceRefused(trouble.said)
    else:
        spider.missed(name, trouble.said)
