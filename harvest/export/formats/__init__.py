"""One module a format: what a training tool wants its files like."""
