"""IIIF: the images of manifests and collections, in the size that their servers give. https://iiif.io/api/"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from harvest.config.reader import setting
from harvest.crawl.base import SourceSpider
from harvest.crawl.sites import iiif
from harvest.crawl.sites.iiif_image import INFO, Whole, choose, is_info, service_of
from harvest.items import Carrier, ImageItem


@dataclass(frozen=True, slots=True, kw_only=True)
class IiifOptions:
    """Addresses of `manifests` and of `collections`, whose manifests and collections are read too.

    `size` is the longest side in pixels, or `max`. Where a server gives no whole image of it, `tiles` are stitched
    (`auto`), or a smaller one is taken (`never`); `always` stitches wherever there are tiles. `languages` are those of
    titles and texts, in order of preference; under `creator_labels` metadata name whoever made the object.
    """

    manifests: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    size: str = setting("max", pattern=r"^(max|[1-9]\d*)$", expected="max or a number of pixels")
    tiles: str = setting("auto", choices=("auto", "always", "never"))
    format: str = setting("jpg", choices=("jpg", "png", "tif", "webp"))
    languages: tuple[str, ...] = ("en",)
    creator_labels: tuple[str, ...] = iiif.CREATORS


class IiifSpider(SourceSpider[IiifOptions]):
    """Yields one item for each image of each canvas."""

    name = "iiif"
    options_type = IiifOptions

    def check(self) -> None:
        """Raises ConfigError when there is nothing to read."""
        if not self.options.manifests and not self.options.collections:
            raise self.source.options.error("", "expected at least one of manifests, collections")
        self._words = iiif.Words(self.options.languages, self.options.creator_labels)

    async def start(self) -> AsyncIterator[Request]:
        """Every manifest and collection that is named."""
        for url in (*self.options.manifests, *self.options.collections):
            yield Request(url)

    def parse(self, response: Response) -> Iterator[ImageItem | Request]:
        """A manifest's images, or what a collection lists."""
        document = self.read_json(response)
        match iiif.kind_of(document):
            case "manifest":
                yield from self._manifest(document, response.url)
            case "collection":
                self.note_unread(document, iiif.FIELDS, "a IIIF collection")
                yield from (Request(url) for url in iiif.members(document))
            case _ if document is None:
                yield self.again(response, f"{response.url} is no JSON")
            case _:
                self.missed(response.url, "neither a IIIF manifest nor a collection")

    def parse_info(self, response: Response, *, item: ImageItem) -> Iterator[ImageItem]:
        """What an image's server can do."""
        info = self.read_json(response)
        if isinstance(info, Mapping):
            self.note_unread(info, INFO, "a IIIF image's description")
        yield self._sized(item, info, response.url.removesuffix("/info.json"))

    def info_failed(self, failure: Failure) -> Iterator[ImageItem]:
        """A description that does not answer: the image that the manifest shows has to do."""
        request: Request = failure.request  # type: ignore[attr-defined]
        self.logger.warning("%s: %s; taking the image that the manifest shows", request.url, failure.value)
        yield request.cb_kwargs["item"]

    def _manifest(self, manifest: Mapping[str, Any], url: str) -> Iterator[ImageItem | Request]:
        self.note_unread(manifest, iiif.FIELDS, "a IIIF manifest")
        found = list(iiif.paintings(manifest, url, self._words))
        self.announce(len(found))
        if not found:
            self.missed(url, "this manifest shows no image")
        for item, service in found:
            base = (iiif.address(service) or "").rstrip("/")
            if service is None:
                yield item
            elif is_info(service):
                yield self._sized(item, service, base)
            else:
                arguments = {"item": item}
                yield Request(
                    f"{base}/info.json",
                    self.parse_info,
                    errback=self.info_failed,
                    cb_kwargs=arguments,
                    dont_filter=True,
                )

    def _sized(self, item: ImageItem, info: Any, base: str) -> ImageItem:
        longest = None if self.options.size == "max" else int(self.options.size)
        try:
            choice = choose(service_of(info, base), longest, self.options.tiles, self.options.format)
        except ValueError as error:
            self.logger.warning("%s: %s; taking the image that the manifest shows", base, error)
            return item
        carrier = None if isinstance(choice, Whole) else Carrier(kind="iiif-tiles", args=choice.as_args())
        size = f"{choice.width}x{choice.height}"
        return replace(item, image_url=choice.url, carrier=carrier, raw={**item.raw, "service": base, "size": size})
