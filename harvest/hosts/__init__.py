"""How hosts may be asked: at which addresses, at what pace, and in one book that all processes keep."""
