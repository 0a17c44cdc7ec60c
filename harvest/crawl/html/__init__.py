"""Pages read: which address is the largest copy of a picture, and what a page says about title, maker and licence."""

from harvest.crawl.html.reading import Reading
from harvest.crawl.html.responses import page_of, signals_of
from harvest.crawl.html.selectors import Selectors, on_detail, problems
from harvest.crawl.html.sitemap import Entry, Nested, named_in_robots, read_sitemap
from harvest.pages.addresses import parse_srcset
from harvest.pages.pictures import cards, image_url, image_urls, link_url, next_url
from harvest.pages.words import Rights, date, first_text, page_rights, rights, words

__all__ = [
    "Entry",
    "Nested",
    "Reading",
    "Rights",
    "Selectors",
    "cards",
    "date",
    "first_text",
    "image_url",
    "image_urls",
    "link_url",
    "named_in_robots",
    "next_url",
    "on_detail",
    "page_of",
    "page_rights",
    "parse_srcset",
    "problems",
    "read_sitemap",
    "rights",
    "signals_of",
    "words",
]
