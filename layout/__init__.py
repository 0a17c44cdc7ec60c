"""Rectified mosaics: arrays in, arrays and pictures out. Knows nothing of ledgers, licences or files of a workspace."""

DISTRIBUTION = "herbarium-harvester"
