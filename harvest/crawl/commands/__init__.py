"""Commands that `scrapy` has in this project, in place of its own of the same name."""
