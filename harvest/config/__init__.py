"""Configuration files: YAML in, frozen dataclasses out."""
