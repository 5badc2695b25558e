from __future__ import annotations

import pytest
import torch

from trainer.augment import AugmentConfig, augment, mixup, time_shift

EVERYTHING = AugmentConfig(time_shift=True, mixup=1.0)


def batch(examples: int = 6, n_mels: int = 4, frames: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    """Spectrograms in dB, each of a class of its own."""
    generator = torch.Generator().manual_seed(0)
    return -80.0 * torch.rand((examples, n_mels, frames), generator=generator), torch.eye(examples)


def test_defaults_change_nothing() -> None:
    """Without an [augment] table a batch is what it was, and no random number is used up."""
    log_mel, targets = batch()
    before = torch.get_rng_state()
    x, y = augment(log_mel, targets, AugmentConfig())
    assert x is log_mel
    assert y is targets
    assert torch.equal(torch.get_rng_state(), before)


def test_everything_keeps_the_form_of_a_batch() -> None:
    """Shapes, type, range and the sum of the targets survive all changes together."""
    torch.manual_seed(1)
    log_mel, targets = batch()
    x, y = augment(log_mel, targets, EVERYTHING)
    assert x.shape == log_mel.shape
    assert y.shape == targets.shape
    assert x.dtype == y.dtype == torch.float32
    assert x.min() >= log_mel.min()
    assert x.max() <= log_mel.max()
    assert torch.allclose(y.sum(1), torch.ones(6))


def test_saved_random_state_repeats_a_batch() -> None:
    """A run that goes on from a saved random state sees the same changes."""
    log_mel, targets = batch()
    state = torch.get_rng_state()
    first = augment(log_mel, targets, EVERYTHING)
    second = augment(log_mel, targets, EVERYTHING)
    torch.set_rng_state(state)
    again = augment(log_mel, targets, EVERYTHING)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], second[0])


def test_time_shift_rolls() -> None:
    """Every example is rolled whole, all bands together, each by a number of its own."""
    torch.manual_seed(1)
    log_mel, _ = batch()
    shifted = time_shift(log_mel)
    starts = [
        [start for start in range(10) if torch.equal(found, wanted.roll(-start, dims=1))]
        for found, wanted in zip(shifted, log_mel, strict=True)
    ]
    assert all(len(found) == 1 for found in starts)
    assert len({found[0] for found in starts}) > 1


def test_mixup_mixes_targets_as_it_mixes_sounds() -> None:
    """The targets tell which two examples were mixed, and in which shares."""
    torch.manual_seed(1)
    log_mel, targets = batch()
    x, y = mixup(log_mel, targets, 1.0)
    assert torch.allclose(x, torch.einsum("ij,jmt->imt", y, log_mel), atol=1e-4)
    assert torch.all((y > 0).sum(1) <= 2)
    assert torch.all(y.diagonal() > 0)
    assert torch.any(y.diagonal() < 1)


def test_small_alpha_mixes_little() -> None:
    """Beta(0.01, 0.01) leaves nearly every example to itself, or takes nearly all of the other one."""
    torch.manual_seed(1)
    _, y = mixup(*batch(examples=200), 0.01)
    assert (y.amax(1) > 0.99).float().mean() > 0.9


def test_impossible_mixup() -> None:
    """A mixup that makes no sense is refused."""
    for alpha in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="mixup must be 0 or more"):
            AugmentConfig(mixup=alpha)
