"""Deep Spectrum features of clips as in ESC-50: the front end's share of the time; the backbones' speed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import soundfile

from tests.benchmarks.measure import alone, compared, spread, take_turns
from trainer import embeddings, recipes
from trainer.checkpoints import RANDOM
from trainer.datasets import Clip
from trainer.recipes import SvmRecipe
from trainer.tables import Row
from trainer.training import Settings

RECIPE = recipes.load_as(SvmRecipe, "esc50-deep-spectrum")
CLIPS = {"resnet50": 64, "densenet121": 64, "vgg16": 16, "vgg19": 16}
"""Of each backbone; fewer where they take longer. The front end is compared with the first"""
REPETITIONS = 5
THREADS = os.cpu_count() or 1


def rows() -> Iterator[Row]:
    """The front end alone against the whole, and clips per second of the whole."""
    with TemporaryDirectory() as folder:
        clips = _write_clips(Path(folder), max(CLIPS.values()))
        extractions = [_extraction(name, clips[:count]) for name, count in CLIPS.items()]
        front_end, *wholes = take_turns(REPETITIONS, lambda: _front_end(clips), *extractions)
    yield _share(front_end, wholes[0])
    for (name, count), seconds in zip(CLIPS.items(), wholes, strict=True):
        rate = spread([count / each for each in seconds], "clips/s")
        yield alone(f"Deep Spectrum features of {name}, {THREADS} threads", rate, f"{count} clips")


def _share(front_end: Sequence[float], whole: Sequence[float]) -> Row:
    name, count = next(iter(CLIPS.items()))
    share = np.median(np.divide(front_end, whole))
    return compared(
        f"reading, log-mel and pictures of {count} clips, 5 s at 44.1 kHz, {THREADS} threads",
        front_end,
        f"features of {name}, all of it",
        whole,
        f"a share of {share:.1%}; aim: below 5 %",
    )


def _write_clips(folder: Path, count: int) -> list[Clip]:
    rate = RECIPE.log_mel.sample_rate
    rng = np.random.default_rng(0)
    clips = [Clip(folder / f"{index}.wav", "noise", 1, str(index)) for index in range(count)]
    for clip in clips:
        noise = rng.uniform(-0.5, 0.5, round(RECIPE.window_seconds * rate))
        soundfile.write(clip.path, noise, rate, subtype="PCM_16")
    return clips


def _front_end(clips: Sequence[Clip]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for pictures in pool.map(lambda clip: embeddings.try_inputs(clip, RECIPE), clips):
            assert isinstance(pictures, np.ndarray)


def _extraction(name: str, clips: Sequence[Clip]) -> Callable[[], None]:
    """What extracts the features of clips, and finds none of them in its cache."""
    recipe = recipes.with_changes(RECIPE, {"backbone": name, "weights": f"{RANDOM}0"})
    # Beforehand: to draw random weights takes longer than to read published ones.
    network = embeddings.load(recipe)

    def extract() -> None:
        with (
            TemporaryDirectory() as cache,
            mock.patch.object(embeddings, "load", return_value=network),
        ):
            found = embeddings.extract(clips, recipe, Settings(THREADS, "cpu", Path(cache)))
            assert len(found.examples) == len(clips)

    return extract
