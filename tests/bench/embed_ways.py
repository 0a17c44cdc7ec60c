"""Ways to embed a folder of photographs, each measured in a process of its own: `embed_ways.py WAY MODEL FOLDER`.

Prints a line of JSON: images, seconds from the first image to the last vector (loading does not count), and more.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file

from harvest import embedders
from harvest.engine import Order, Runner, embed, look
from harvest.engine.devices import best_device
from harvest.store import Store

PLAIN_BATCH = 64
ARCHITECTURE = "ViT-B-32"
SECONDS = 5.0  # for which a model runs alone


def ours(model: str, folder: Path) -> dict[str, Any]:
    """The engine, files to vectors."""
    runner, images = Runner(embedders.load(model)), _images(folder)
    began, own = time.perf_counter(), time.process_time()
    count = sum(len(found.seen) for found in embed(images, Store(folder).read, [runner], total=len(images)))
    seconds, own = time.perf_counter() - began, time.process_time() - own
    times = os.times()
    decoding = times.children_user + times.children_system
    return {
        "images": count,
        "seconds": seconds,
        "precision": runner.precision,
        "batch": runner.at_once,
        "decoding": decoding / (decoding + own),
    }


def plain(model: str, folder: Path) -> dict[str, Any]:
    """What people write: Pillow, the model's own transform, batches of 64, float32, torch's own threads."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name, _, tag = model.rpartition("/") if ":" not in model else (model, "", "")
    network, _, transform = open_clip.create_model_and_transforms(name, pretrained=tag or None, device=device)
    network.eval()
    files, began = sorted(folder.iterdir()), time.perf_counter()
    with torch.inference_mode():
        for at in range(0, len(files), PLAIN_BATCH):
            batch = torch.stack([transform(Image.open(file).convert("RGB")) for file in files[at : at + PLAIN_BATCH]])
            network.encode_image(batch.to(device), normalize=True).cpu().numpy()
    return {"images": len(files), "seconds": time.perf_counter() - began}


def alone(model: str, folder: Path) -> dict[str, Any]:
    """The engine's model on pixels that are on the device already."""
    runner = Runner(embedders.load(model))
    if runner.network is None:
        raise SystemExit(f"{model} is no network: there is nothing to compare")
    side, kind = runner.framing.side, runner.device.kind
    pixels = np.random.default_rng(0).integers(0, 256, (runner.at_once, side, side, 3), dtype=np.uint8)
    block = torch.from_numpy(pixels).to(kind)

    def several() -> None:
        if kind == "cuda":
            for _ in range(8):
                runner.network.vectors(block)
            torch.cuda.synchronize()
        else:
            for wait in [runner.submit(pixels) for _ in range(8)]:
                wait()

    several()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        several()
        count += 8 * runner.at_once
    return {"images": count, "seconds": time.perf_counter() - began}


def decode(model: str, folder: Path) -> dict[str, Any]:
    """The engine without a model: files to framed pixels."""
    order, images = Order(framings=(embedders.load(model).framing,)), _images(folder)
    began = time.perf_counter()
    count = sum(len(batch.seen) for batch in look(images, Store(folder).read, order, total=len(images)))
    return {"images": count, "seconds": time.perf_counter() - began}


def device(model: str, folder: Path) -> dict[str, Any]:
    """Where models run."""
    best = best_device()
    return {"kind": best.kind, "words": best.words, "cores": len(os.sched_getaffinity(0))}


def weights(model: str, folder: Path) -> dict[str, Any]:
    """Random ones, in the form of open_clip's local directories."""
    torch.manual_seed(0)
    folder.mkdir()
    network = open_clip.create_model(ARCHITECTURE)
    config = {
        "model_cfg": open_clip.get_model_config(ARCHITECTURE),
        "preprocess_cfg": open_clip.get_model_preprocess_cfg(network),
    }
    tensors = {name: values.contiguous() for name, values in network.state_dict().items()}
    save_file(tensors, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return {"architecture": ARCHITECTURE}


def _images(folder: Path) -> list[tuple[str, str]]:
    return [(file.stem, file.name) for file in sorted(folder.iterdir())]


WAYS: dict[str, Callable[[str, Path], dict[str, Any]]] = {
    way.__name__: way for way in (ours, plain, alone, decode, device, weights)
}


if __name__ == "__main__":
    print(json.dumps(WAYS[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))))
