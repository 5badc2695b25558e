from __future__ import annotations

import pytest
import torch

from trainer.models.backbones import Preprocessing, preprocess

PIXEL = torch.tensor([255, 128, 0], dtype=torch.uint8).reshape(1, 3, 1, 1)  # red, green, blue


@pytest.mark.parametrize(
    ("name", "preprocessing", "wanted"),
    [
        ("vgg16", "deep-spectrum", (0.0, 128.0, 255.0)),
        ("vgg19", "deep-spectrum", (0.0, 128.0, 255.0)),
        ("resnet50", "deep-spectrum", (-103.939, 11.221, 131.32)),
        ("densenet121", "deep-spectrum", (2.2489083, 0.2051821, -1.8044444)),
        ("vgg16", "torchvision", (2.2489083, 0.2051821, -1.8044444)),
        ("vgg19", "torchvision", (2.2489083, 0.2051821, -1.8044444)),
        ("resnet50", "torchvision", (2.2489083, 0.2051821, -1.8044444)),
        ("densenet121", "torchvision", (2.2489083, 0.2051821, -1.8044444)),
    ],
)
def test_one_pixel(name: str, preprocessing: Preprocessing, wanted: tuple[float, ...]) -> None:
    """An orange pixel becomes the numbers that were worked out by hand, in the network's order."""
    made = preprocess(name, preprocessing)(PIXEL)
    assert made.dtype == torch.float32
    assert made.flatten().tolist() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("preprocessing", ["torchvision", "deep-spectrum"])
def test_pixels_stay_where_they_are(preprocessing: Preprocessing) -> None:
    """Each pixel is treated by itself: rows, columns and pictures keep their order."""
    pictures = torch.randint(256, (2, 3, 4, 5), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    module = preprocess("resnet50", preprocessing)
    made = module(pictures)
    assert made.shape == (2, 3, 4, 5)
    assert torch.equal(made[1:, :, 3:, 2:3], module(pictures[1:, :, 3:, 2:3]))


def test_constants_are_no_weights() -> None:
    """Mean and deviation do not appear among the weights of a checkpoint."""
    assert preprocess("resnet50", "deep-spectrum").state_dict() == {}
