"""The way of an image from its item to its sighting, step by step, and what the steps share."""
