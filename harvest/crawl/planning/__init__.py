"""What a crawl would cost, counted without asking for an image."""
