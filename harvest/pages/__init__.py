"""What web pages say: pictures, words, licences and refusals. Parsing only, without Scrapy."""
