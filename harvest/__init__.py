"""From YAML that says where images are and on what terms, to a dataset its maker can answer for."""

DISTRIBUTION = "herbarium-harvester"
__version__ = "0.1.0"
