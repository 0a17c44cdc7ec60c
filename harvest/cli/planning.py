"""What a crawl would cost: plan."""

from __future__ import annotations

from pathlib import Path

import click

from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.crawl.planning.plan import SourcePlan, plan_sources
from harvest.workspace import Workspace

__all__ = ["plan"]

_MANY = 6  # licences and hosts that a table shows
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@click.command()
@click.argument("sources", nargs=-1, required=True, type=EXISTING_FILE)
@click.option(
    "--pages",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Listing requests to each source at the most; the rest is estimated.",
)
@click.option(
    "--processes", type=click.IntRange(1, 64), default=2, show_default=True, help="Sources asked at the same time."
)
@common
def plan(*, workspace: Workspace, terminal: Terminal, sources: tuple[Path, ...], pages: int, processes: int) -> int:
    """Ask for counts alone: requests, images, bytes, hours at the polite pace, licences, opt-outs."""
    plans = plan_sources(workspace, sources, pages=pages, processes=processes, progress=terminal)
    terminal.result(plans)
    for made in plans:
        terminal.table(["", ""], _rows(made), title=f"\n{made.source}")
    return max((made.exit_code for made in plans), default=0)


def _rows(made: SourcePlan) -> list[tuple[str, str]]:
    sample = made.sample
    if sample is None:
        return [("failed", made.message)]
    about = "" if made.basis == "counted" else "about "
    rows = [
        ("images", f"{about}{made.images:,} ({_BASES[made.basis].format(pages=sample.pages)})"),
        ("to fetch", f"{about}{made.to_fetch:,}; {_shares(sample.known, sample.met)} held already"),
        ("requests", f"{about}{made.requests:,}"),
        ("bytes", "unknown" if made.bytes is None else f"{about}{_size(made.bytes)}{_STATED[made.bytes_basis]}"),
        ("time", _time(made)),
        ("licences", _counts(dict(sample.licenses), sample.met)),
        ("creator named", _shares(sample.with_creator, sample.met)),
        ("refused", f"{_shares(sample.refused, sample.met)}, as far as is known before the download"),
    ]
    if sample.opt_outs:
        rows.append(("statements", _counts(dict(sample.opt_outs), sample.met)))
    if sample.unasked_hosts:
        rows.append(("not asked", f"{sample.unasked_hosts:,} hosts of images, for what they refuse"))
    slowest = sorted(made.hosts, key=lambda host: -host.requests)
    rows += [
        (f"at {host.name}", f"{about}{host.requests:,} requests, {host.delay:g} s apart") for host in slowest[:_MANY]
    ]
    if len(slowest) > _MANY:
        rows.append(("elsewhere", f"{sum(host.requests for host in slowest[_MANY:]):,} requests"))
    return [*rows, ("failed", made.message)] if made.message else rows


_BASES = {
    "counted": "counted",
    "announced": "announced by the source; the rest in proportion to {pages} pages",
    "met so far": "met on {pages} pages; there are more, and the source does not say how many",
}
_STATED = {
    None: "",
    "stated": " (stated by the source)",
    "some stated": " (from what the source states of some)",
    "ledger": " (from this source's mean in the ledger)",
}


def _time(made: SourcePlan) -> str:
    if made.hours == 0:
        return "as long as the transfer takes: no host asks for a pause"
    if made.hours * 3600 < 100:
        return f"{made.hours * 3600:.0f} seconds at the polite pace, and the transfer"
    if made.hours < 2:
        return f"{made.hours * 60:.0f} minutes at the polite pace, and the transfer"
    return f"{made.hours:.1f} hours at the polite pace, and the transfer"


def _size(number: int) -> str:
    size, unit = float(number), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.3g} {_UNITS[unit]}"


def _shares(part: int, whole: int) -> str:
    return f"{part / whole:.0%} ({part:,} of {whole:,})" if whole else "none met"


def _counts(counts: dict[str, int], whole: int) -> str:
    shown = [f"{name} {count / whole:.0%}" for name, count in list(counts.items())[:_MANY]]
    rest = sum(list(counts.values())[_MANY:])
    return ", ".join([*shown, f"others {rest / whole:.0%}"] if rest else shown) or "none met"
