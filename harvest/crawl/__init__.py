"""All that knows Scrapy: the base spider, pace, opt-outs, the pipelines from an item to a sighting, and processes."""
