"""Every error a user can meet, and what it asks of them.

HarvestError                  anything below; `main()` alone maps it to an exit code
├── UsageError           (2)  the command line asks for something that cannot be
│   └── ConfigError      (2)  a YAML file is wrong: names file, path and expectation
├── CheckFailed          (1)  an audit or a verification found violations
├── SourceError          (3)  a source cannot be harvested now
│   ├── SourceRefused    (3)  it said no (key, permission, block)
│   └── SourceChanged    (3)  its answer no longer has the shape we know
├── ComponentMissing     (4)  weights, a browser or an optional package is not here
│   └── WeightsMissing   (4)
├── LedgerError          (2)  the ledger cannot be opened as asked
│   ├── LedgerBusy       (3)  another process holds it and did not let go in time
│   └── LedgerTooNew     (2)  written by a newer version of this program
└── Broken               (-)  one image's bytes are unusable; becomes a row, never an exit
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "Broken",
    "CheckFailed",
    "ComponentMissing",
    "ConfigError",
    "HarvestError",
    "LedgerBusy",
    "LedgerError",
    "LedgerTooNew",
    "SourceChanged",
    "SourceError",
    "SourceRefused",
    "UsageError",
    "WeightsMissing",
]


class HarvestError(Exception):
    """Base of all errors that carry advice instead of a traceback."""

    exit_code = 2


class UsageError(HarvestError):
    """The command cannot be carried out as it was typed."""


class ConfigError(UsageError):
    """A configuration file says something it may not.

    >>> from pathlib import Path
    >>> print(ConfigError(Path("configs/x.yaml"), "pace.delay", "expected a number >= 0, got 'fast'"))
    configs/x.yaml: pace.delay: expected a number >= 0, got 'fast'
    """

    def __init__(self, file: Path | str, path: str, message: str) -> None:
        self.file, self.path, self.message = file, path, message
        super().__init__(": ".join(part for part in (str(file), path, message) if part))


class CheckFailed(HarvestError):
    """A check ran to its end and found something wrong."""

    exit_code = 1


class SourceError(HarvestError):
    """A source could not be harvested."""

    exit_code = 3


class SourceRefused(SourceError):
    """The source answered, and the answer is no."""


class SourceChanged(SourceError):
    """The source answered in a shape this program does not know."""


class ComponentMissing(HarvestError):
    """Something that has to be installed first is not there."""

    exit_code = 4


class WeightsMissing(ComponentMissing):
    """Model weights are not on this machine; the message names the ways out."""


class LedgerError(HarvestError):
    """The ledger cannot be used as asked."""


class LedgerBusy(LedgerError):
    """Another process kept the ledger locked for longer than we were willing to wait."""

    exit_code = 3


class LedgerTooNew(LedgerError):
    """The ledger's schema is newer than this program knows."""


class Broken(HarvestError):
    """One image's bytes cannot be used; `kind` is a stable word, the message is for people."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)

    def __reduce__(self) -> tuple[type[Broken], tuple[str, str]]:
        return (Broken, (self.kind, str(self)))  # it comes back from worker processes
