"""Clips -> Deep Spectrum features: pictures of their spectrograms through a backbone, in chunks on disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from monitor.inference.picture import picture
from trainer import run, weights
from trainer.checkpoints import RANDOM
from trainer.chunks import Features, FloatArray, Result, collect
from trainer.datasets import Clip
from trainer.features import try_example
from trainer.models.backbones import BACKBONES, Backbone, preprocess
from trainer.recipes import SvmRecipe
from trainer.training import Settings

BATCH = 16
"""Pictures that go through the network at once; more are no faster on a processor"""

Pictures = npt.NDArray[np.uint8]


def extract(clips: Sequence[Clip], recipe: SvmRecipe, settings: Settings) -> Features:
    """The embeddings of clips, float32 `[examples, embedding]`.

    Args:
        clips: what to read.
        recipe: which pictures and which backbone.
        settings: where it runs, and the folder of the chunks.

    Raises:
        MonitorError: as `trainer.weights.load`; or not a single clip gives an example.
        OSError: the cache cannot be written.
    """
    device = settings.prepare()

    @cache
    def network() -> Backbone:  # only once something is to compute
        return load(recipe).to(device)

    # Threads, not processes: FFT, decoder, resampler and network let go of the interpreter lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def compute(some: Sequence[Clip]) -> Iterable[Result]:
            return _embed(pool.map(lambda clip: try_pictures(clip, recipe), some), network())

        return collect(
            clips,
            f"{recipe.backbone} embeddings",
            _specification(recipe),
            (BACKBONES[recipe.backbone].embedding,),
            compute,
            cache=settings.cache,
        )


def load(recipe: SvmRecipe) -> Backbone:
    """The recipe's backbone, ready to take pictures.

    Raises:
        MonitorError: as `trainer.weights.load`.
    """
    network = weights.load(recipe.backbone, recipe.weights, recipe.scheme)
    return Backbone(preprocess(recipe.backbone, recipe.preprocessing), network).eval()


def seconds_per_picture(recipe: SvmRecipe, settings: Settings) -> float:
    """How long a picture takes in the recipe's network, measured on random weights and noise."""
    device = settings.prepare()
    network = load(replace(recipe, weights=f"{RANDOM}0")).to(device)
    shape = (BATCH, 3, recipe.picture.size, recipe.picture.size)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    _run(noise[:1], network)  # the first run prepares what the others find
    started = time.monotonic()
    _run(noise, network)
    return (time.monotonic() - started) / BATCH


def try_pictures(clip: Clip, recipe: SvmRecipe) -> Pictures | str | None:
    """The pictures of a clip, uint8 `[channels, 3, size, size]`; else as `trainer.features.try_example`."""
    decibel = try_example(clip, recipe.front_end)
    return picture(decibel, recipe.picture, recipe.log_mel) if isinstance(decibel, np.ndarray) else decibel


def _embed(results: Iterable[Pictures | str | None], network: Backbone) -> Iterator[Result]:
    """Embeddings instead of pictures, in batches of whole clips; all else passes through, in order."""
    waiting: list[Pictures | str | None] = []
    count = 0
    for result in results:
        waiting.append(result)
        count += len(result) if isinstance(result, np.ndarray) else 0
        if count >= BATCH:
            yield from _flush(waiting, network)
            waiting, count = [], 0
    yield from _flush(waiting, network)


def _flush(waiting: Sequence[Pictures | str | None], network: Backbone) -> Iterator[Result]:
    pictures = [result for result in waiting if isinstance(result, np.ndarray)]
    embeddings = iter(_run(np.concatenate(pictures), network) if pictures else ())
    for result in waiting:
        if isinstance(result, np.ndarray):
            yield np.stack([next(embeddings) for _ in result])
        else:
            yield result


def _run(pictures: Pictures, network: Backbone) -> FloatArray:
    device = next(network.parameters()).device
    with torch.inference_mode():
        embeddings: FloatArray = network(torch.from_numpy(pictures).to(device)).cpu().numpy()
    return embeddings


def _specification(recipe: SvmRecipe) -> dict[str, Any]:
    return {
        "front_end": asdict(recipe.front_end),
        "picture": asdict(recipe.picture),
        "backbone": recipe.backbone,
        "preprocessing": recipe.preprocessing,
        run.WEIGHTS: weights.identity(recipe.backbone, recipe.weights, recipe.scheme),
    }
