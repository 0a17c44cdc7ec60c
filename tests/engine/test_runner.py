from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from harvest.embedders.framing import Preprocess
from harvest.engine import Runner, embed
from harvest.engine.devices import Device, best_device, is_out_of_memory
from harvest.images.decode import decode_rgb
from tests.engine.frames import SIDE, jpegs, pictures, read
from tests.engine.networks import Network, network

PLAIN = Device(kind="cpu", words="CPU", batch=16)
LANES = Device(kind="cpu", words="CPU", batch=4, lanes=3)
QUICK = Device(kind="cpu", words="CPU", batch=16, quick="bfloat16")


class Cramped(torch.nn.Module):
    """Has no memory for more than `most` pictures at a time."""

    def __init__(self, inner: torch.nn.Module, most: int) -> None:
        super().__init__()
        self.inner, self.most = inner, most
        self.seen: list[int] = []

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(batch))
        if len(batch) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.inner(batch)


class Fragile(torch.nn.Module):
    """Loses itself in anything but float32."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        found = self.inner(batch)
        return found if found.dtype == torch.float32 else torch.randn_like(found)


@pytest.mark.parametrize("device", [PLAIN, LANES, QUICK], ids=["float32", "lanes", "bfloat16"])
def test_vectors_are_those_of_the_plain_way(device: Device):
    embedder, pixels = network(), pictures(21)

    runner = Runner(embedder, device=device)
    vectors = runner.vectors(pixels)

    assert vectors.dtype == np.float32
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    assert (vectors * embedder.images(pixels)).sum(axis=1).min() >= 0.999
    assert runner.precision == (device.quick or "float32")
    assert runner.where == f"CPU, {runner.precision}"


@pytest.mark.parametrize("device", [PLAIN, LANES, QUICK], ids=["float32", "lanes", "bfloat16"])
def test_an_image_has_one_vector_whatever_is_embedded_with_it(device: Device):
    embedder, pixels = network(), pictures(40)
    together = Runner(embedder, device=device).vectors(pixels)

    alone = np.concatenate([Runner(embedder, device=device).vectors(pixels[[number]]) for number in range(0, 40, 9)])
    backwards = Runner(embedder, device=device).vectors(pixels[::-1].copy())[::-1]
    by_three = Runner(embedder, batch=3, device=device).vectors(pixels)

    assert np.abs(together[::9] - alone).max() < 1e-3
    assert np.abs(together - backwards).max() < 1e-3
    assert np.abs(together - by_three).max() < 1e-3


def test_a_precision_that_changes_the_vectors_is_not_used():
    embedder, pixels = network(), pictures(5)
    embedder.tower = Fragile(embedder.tower)

    runner = Runner(embedder, device=QUICK)

    assert runner.precision == "float32"
    assert np.abs(runner.vectors(pixels) - embedder.images(pixels)).max() < 1e-5


def test_too_little_memory_halves_the_batch_and_goes_on():
    embedder, pixels = network(), pictures(50)
    expected = Runner(embedder, device=PLAIN).vectors(pixels)
    embedder.tower = cramped = Cramped(embedder.tower, most=5)

    runner = Runner(embedder, device=PLAIN)
    vectors = runner.vectors(pixels)

    assert runner.batch == 4
    assert cramped.seen == [16, 8, *[4] * 13]
    assert np.abs(vectors - expected).max() < 1e-3


def test_lanes_go_on_with_smaller_batches_too():
    embedder, pixels = network(), pictures(50)
    expected = Runner(embedder, device=PLAIN).vectors(pixels)
    embedder.tower = Cramped(embedder.tower, most=2)

    runner = Runner(embedder, device=LANES)
    vectors = runner.vectors(pixels)

    assert (runner.batch, runner.at_once) == (2, 6)
    assert np.abs(vectors - expected).max() < 1e-3


def test_when_not_even_one_picture_fits_the_error_is_raised():
    embedder = network()
    embedder.tower = Cramped(embedder.tower, most=0)

    with pytest.raises(torch.OutOfMemoryError):
        Runner(embedder, device=PLAIN).vectors(pictures(2))


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    embedder = network()
    embedder.tower = torch.nn.Linear(7, 7)

    with pytest.raises(RuntimeError, match="shapes"):
        Runner(embedder, device=PLAIN).vectors(pictures(2))


def test_a_lack_of_memory_is_known_by_its_words_on_a_processor():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(1 << 60)

    assert is_out_of_memory(raised.value)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


class Means:
    """An embedder without a network."""

    model_id = "means@1"
    framing = Preprocess(side=8, scaled=8)

    def images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        means = pixels.reshape(len(pixels), -1, 3).mean(axis=1).astype(np.float32) + 1
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def test_several_models_share_the_look_at_an_image(tmp_path: Path):
    images = jpegs(tmp_path, 30)
    images.insert(4, ("gone", str(tmp_path / "gone.jpg")))
    embedder, plain = network(), Means()

    results = list(embed(images, read, [Runner(embedder, device=PLAIN), Runner(plain)], total=len(images)))

    seen = [one for result in results for one in result.seen]
    by_network, by_means = (np.concatenate([result.vectors[place] for result in results]) for place in (0, 1))
    good = [number for number, one in enumerate(seen) if not one.fault]
    assert [one.sha256 for one in seen] == [sha256 for sha256, _ in images]
    assert len(good) == 30
    pixels = frames(images, embedder.framing)
    assert np.abs(by_network[good] - embedder.images(pixels)).max() < 1e-3
    assert np.abs(by_means[good] - plain.images(frames(images, plain.framing))).max() < 1e-6


def frames(images: list[tuple[str, str]], framing: Preprocess) -> NDArray[np.uint8]:
    return np.stack([framing(decode_rgb(Path(path), longest=framing.least)) for name, path in images if name != "gone"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use")
def test_a_gpu_and_a_processor_agree():
    embedder, pixels = network(), pictures(600)

    there = Runner(embedder, device=best_device())
    here = Runner(embedder, device=PLAIN)

    assert there.device.kind == "cuda"
    assert (there.vectors(pixels) * here.vectors(pixels)).sum(axis=1).min() >= 0.999


def test_networks_are_told_from_embedders_that_are_none():
    assert Runner(Means()).where == "CPU"
    assert Runner(Network(network().tower), device=PLAIN).where == "CPU, float32"
    assert network().framing.side == SIDE


def test_compiling_pays_for_many_images_only_and_keeps_the_vectors():
    runner, pixels = Runner(network(), device=PLAIN), pictures(20)
    assert runner.network is not None
    before = runner.vectors(pixels)

    assert not runner.network.compile_for(10, runner.batch)
    assert runner.network.compile_for(1 << 40, runner.batch, backend="eager")

    assert np.abs(runner.vectors(pixels) - before).max() < 1e-3


def test_where_nothing_compiles_the_network_runs_as_it_is():
    runner, pixels = Runner(network(), device=PLAIN), pictures(20)
    assert runner.network is not None
    before = runner.vectors(pixels)

    assert not runner.network.compile_for(1 << 40, runner.batch, backend="no such compiler")

    assert np.abs(runner.vectors(pixels) - before).max() < 1e-6
