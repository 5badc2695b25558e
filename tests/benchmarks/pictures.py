"""The Deep Spectrum picture against the plot that the toolkit makes, in one thread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from monitor.inference.picture import picture
from tests import references
from tests.benchmarks.measure import compared, take_turns
from trainer import recipes
from trainer.recipes import SvmRecipe
from trainer.tables import Row

REPETITIONS = 50


def rows() -> Iterator[Row]:
    """One clip of ESC-50 in the recipe's colours."""
    recipe = recipes.load_as(SvmRecipe, "esc50-deep-spectrum")
    noise = np.random.default_rng(0).uniform(-80.0, 0.0, (1, *recipe.front_end.shape)).astype(np.float32)

    def ours() -> np.ndarray:
        return picture(noise, recipe.picture, recipe.log_mel)

    def toolkits() -> np.ndarray:
        return references.plot(noise[0], recipe.picture, recipe.log_mel)

    np.testing.assert_array_equal(ours()[0], toolkits())
    with threadpool_limits(1):
        own, other = take_turns(REPETITIONS, ours, toolkits)
    size = recipe.picture.size
    what = f"picture of {size} x {size} pixels of a clip of 5 s, one thread"
    yield compared(
        what, own, "matplotlib, as in the Deep Spectrum toolkit", other, "equal pixels; aim: 20 times"
    )
