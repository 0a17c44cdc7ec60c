"""Scrapy's settings for every crawl, with all order numbers of this project in one place.

What a source decides (pace, limits, proxy, User-Agent) is set per crawl by SourceSpider from its YAML, never here.
"""

from __future__ import annotations

from typing import Any

BOT_NAME = "herbarium-harvester"
SPIDER_MODULES = ["spiders"]
COMMANDS_MODULE = "harvest.crawl.commands"

ITEM_PIPELINES = {
    "harvest.crawl.steps.known.Admit": 50,
    "harvest.crawl.net.safety.Addresses": 60,
    "harvest.crawl.steps.known.Known": 100,
    "harvest.crawl.steps.optout.OptOutBeforeFetch": 200,
    "harvest.crawl.steps.fetch.Fetch": 300,
    "harvest.crawl.steps.optout.OptOutOfAnswer": 350,
    "harvest.crawl.steps.store.KeepOriginal": 500,
    "harvest.crawl.steps.record.Record": 900,
}
# Scrapy's own, but for those that ours replace or that read what no source sets: each costs every start and request.
DOWNLOADER_MIDDLEWARES_BASE = {
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": 350,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": 400,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
    "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": 750,
}
DOWNLOADER_MIDDLEWARES = {
    "harvest.crawl.net.safety.Gate": 10,
    "harvest.crawl.net.wire.SourceProxy": 90,
    "harvest.crawl.net.robots.Robots": 100,
    "harvest.crawl.net.pace.PoliteRetry": 550,
    "harvest.crawl.net.wire.MetaRedirects": 580,
    "harvest.crawl.net.wire.Decompression": 590,
    "harvest.crawl.net.wire.Redirects": 600,
    "harvest.crawl.net.evidence.Evidence": 950,  # nearest to the network: redirects and compressed bytes as they came
}
SPIDER_MIDDLEWARES = {"harvest.crawl.shared.items.ShareItems": 20, "harvest.crawl.supervise.Supervision": 30}
DOWNLOADER = "harvest.crawl.net.pace.PoliteDownloader"
# http and https are all that there is: a page must not make us read this machine's files.
DOWNLOAD_HANDLERS_BASE: dict[str, str | None] = {}
DOWNLOAD_HANDLERS = {"http": "harvest.crawl.net.wire.HttpHandler", "https": "harvest.crawl.net.wire.HttpHandler"}

TWISTED_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = BOT_NAME
DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_WARNSIZE = 0
# Image fetches count as requests too, so a busy image host holds back the next listing pages.
CONCURRENT_REQUESTS = 64
CONCURRENT_ITEMS = 128
REACTOR_THREADPOOL_MAXSIZE = 4
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"

# Nothing may listen, call home or dump what a person at the terminal did not ask for.
EXTENSIONS_BASE = {
    "scrapy.extensions.corestats.CoreStats": 0,
    "scrapy.extensions.logcount.LogCount": 0,
    "scrapy.extensions.memusage.MemoryUsage": 0,
    "scrapy.extensions.closespider.CloseSpider": 0,
    "scrapy.extensions.feedexport.FeedExporter": 0,
    "scrapy.extensions.logstats.LogStats": 0,
}
STATS_DUMP = False
LOG_LEVEL = "INFO"
LOG_FORMATTER = "harvest.crawl.logs.QuietFormatter"
LOG_VERSIONS: list[Any] = []
FEED_EXPORT_ENCODING = "utf-8"

# Ours: worker processes that fingerprint (0: one a core, at most 4), and how often the journal reaches the ledger.
HARVEST_WORKERS = 0
HARVEST_SEAL_SIGHTINGS = 1000  # a turn at the ledger costs the same for one sighting as for hundreds
HARVEST_SEAL_SECONDS = 5.0
HARVEST_HOSTS = 10_000  # whose robots.txt and tdmrep.json are remembered; of more, the oldest are asked again
HARVEST_EVIDENCE_BYTES = 512 * 1024 * 1024  # a WARC file that has grown so large is followed by another
