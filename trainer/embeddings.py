"""Clips -> embeddings: sound, or pictures of its spectrogram, through a backbone, in chunks on disk."""

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
from torch import nn

from monitor.errors import MonitorError
from monitor.inference.picture import picture
from monitor.inference.waveform import resampled
from trainer import audio_weights, run, weights
from trainer.checkpoints import RANDOM
from trainer.chunks import Features, FloatArray, Result, collect
from trainer.datasets import Clip
from trainer.features import example, heard_window
from trainer.models.audio import AUDIO_BACKBONES
from trainer.models.backbones import Backbone, preprocess
from trainer.recipes import AudioRecipe, EmbeddingRecipe
from trainer.training import Settings

BATCH = 16
"""Pictures that go through the network at once; more are no faster on a processor"""
SOUNDS = 2
"""Sounds likewise: one of 10 s takes openl3 a gigabyte at a hop of 0.1 s"""

Inputs = npt.NDArray[np.uint8 | np.float32]
"""What a network takes: pictures `[channels, 3, size, size]`, or samples `[channels, n]` at its own rate"""


def extract(clips: Sequence[Clip], recipe: EmbeddingRecipe, settings: Settings) -> Features:
    """The embeddings of clips, float32 `[examples, embedding]`.

    Args:
        clips: what to read.
        recipe: what the backbone is given, and which it is.
        settings: where it runs, and the folder of the chunks.

    Raises:
        MonitorError: as `load`; or not a single clip gives an example.
        OSError: the cache cannot be written.
    """
    device = settings.prepare()

    @cache
    def network() -> nn.Module:  # only once something is to compute
        return load(recipe).to(device)

    # Threads, not processes: FFT, decoder, resampler and network let go of the interpreter lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def compute(some: Sequence[Clip]) -> Iterable[Result]:
            return _embed(pool.map(lambda clip: try_inputs(clip, recipe), some), network(), batch(recipe))

        return collect(
            clips,
            f"{recipe.backbone} embeddings",
            _specification(recipe),
            (recipe.embedding,),
            compute,
            cache=settings.cache,
        )


def load(recipe: EmbeddingRecipe) -> nn.Module:
    """The recipe's backbone, ready to take what `inputs` gives.

    Raises:
        MonitorError: as `trainer.weights.load` or `trainer.audio_weights.load`.
    """
    if isinstance(recipe, AudioRecipe):
        return audio_weights.load(recipe.backbone, recipe.weights, recipe.frames)
    network = weights.load(recipe.backbone, recipe.weights, recipe.scheme)
    return Backbone(preprocess(recipe.backbone, recipe.preprocessing), network).eval()


def identity(recipe: EmbeddingRecipe) -> str:
    """What tells its weights from all others.

    Raises:
        MonitorError: as `trainer.weights.identity`.
    """
    scheme = "keras" if isinstance(recipe, AudioRecipe) else recipe.scheme
    return weights.identity(recipe.backbone, recipe.weights, scheme)


def seconds_per_example(recipe: EmbeddingRecipe, settings: Settings) -> float:
    """How long a picture or sound takes in the recipe's network, measured on random weights and noise."""
    device = settings.prepare()
    network = load(replace(recipe, weights=f"{RANDOM}0")).to(device)
    noise = _noise(recipe)
    _run(noise[:1], network)  # the first run prepares what the others find
    started = time.monotonic()
    _run(noise, network)
    return (time.monotonic() - started) / len(noise)


def _noise(recipe: EmbeddingRecipe) -> Inputs:
    rng = np.random.default_rng(0)
    if isinstance(recipe, AudioRecipe):
        samples = round(recipe.window_seconds * AUDIO_BACKBONES[recipe.backbone].rate)
        return rng.standard_normal((batch(recipe), samples), dtype=np.float32)
    shape = (batch(recipe), 3, recipe.picture.size, recipe.picture.size)
    return rng.integers(0, 256, shape, dtype=np.uint8)


def batch(recipe: EmbeddingRecipe) -> int:
    """How many examples go through the network at once."""
    return SOUNDS if isinstance(recipe, AudioRecipe) else BATCH


def inputs(clip: Clip, recipe: EmbeddingRecipe) -> Inputs | None:
    """What the recipe's network takes of a clip; None if the clip is too short.

    Raises:
        MonitorError: as `trainer.features.read_window`.
    """
    if isinstance(recipe, AudioRecipe):
        window = heard_window(clip, recipe.sample_rate, recipe.window_seconds, recipe.channels)
        rate = AUDIO_BACKBONES[recipe.backbone].rate
        return None if window is None else resampled(window, recipe.sample_rate, rate)
    decibel = example(clip, recipe.front_end)
    return None if decibel is None else picture(decibel, recipe.picture, recipe.log_mel)


def try_inputs(clip: Clip, recipe: EmbeddingRecipe) -> Inputs | str | None:
    """As `inputs`, with the reason instead of an error."""
    try:
        return inputs(clip, recipe)
    except MonitorError as exc:
        return str(exc)


def _embed(results: Iterable[Inputs | str | None], network: nn.Module, batch: int) -> Iterator[Result]:
    """Embeddings instead of inputs, in batches of whole clips; all else passes through, in order."""
    waiting: list[Inputs | str | None] = []
    count = 0
    for result in results:
        waiting.append(result)
        count += len(result) if isinstance(result, np.ndarray) else 0
        if count >= batch:
            yield from _flush(waiting, network)
            waiting, count = [], 0
    yield from _flush(waiting, network)


def _flush(waiting: Sequence[Inputs | str | None], network: nn.Module) -> Iterator[Result]:
    ready = [result for result in waiting if isinstance(result, np.ndarray)]
    embeddings = iter(_run(np.concatenate(ready), network) if ready else ())
    for result in waiting:
        if isinstance(result, np.ndarray):
            yield np.stack([next(embeddings) for _ in result])
        else:
            yield result


def _run(batch: Inputs, network: nn.Module) -> FloatArray:
    device = next(network.parameters()).device
    with torch.inference_mode():
        embeddings: FloatArray = network(torch.from_numpy(batch).to(device)).cpu().numpy()
    return embeddings


def _specification(recipe: EmbeddingRecipe) -> dict[str, Any]:
    if isinstance(recipe, AudioRecipe):
        # The frames are openl3's alone: another hop does not change what a PANN makes.
        framed = AUDIO_BACKBONES[recipe.backbone].kind == "openl3"
        return {
            "sample_rate": recipe.sample_rate,
            "window_seconds": recipe.window_seconds,
            "channels": recipe.channels,
            "backbone": recipe.backbone,
            "frames": asdict(recipe.frames) if framed else None,
            run.WEIGHTS: identity(recipe),
        }
    return {
        "front_end": asdict(recipe.front_end),
        "picture": asdict(recipe.picture),
        "backbone": recipe.backbone,
        "preprocessing": recipe.preprocessing,
        run.WEIGHTS: identity(recipe),
    }
