from __future__ import annotations

import io

import matplotlib.image
import numpy as np

from trainer.simulate.gallery import png


def test_png_holds_the_image() -> None:
    """Another library reads the same pixels."""
    image = np.random.default_rng(0).integers(0, 256, size=(3, 5, 7), dtype=np.uint8)
    pixels = matplotlib.image.imread(io.BytesIO(png(image)), format="png")
    np.testing.assert_array_equal(np.round(255 * pixels), np.moveaxis(image, 0, 2))
