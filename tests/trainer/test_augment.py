from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from monitor.inference.logmel import LogMelSpec
from trainer.augment import (
    AugmentConfig,
    add_noise,
    augment,
    equalise,
    expand,
    grain,
    low_pass,
    mixup,
    silence,
    time_shift,
)

SPEC = LogMelSpec(16000)
FLOOR = SPEC.floor_db
EVERYTHING = AugmentConfig(
    time_shift=True,
    mixup=1.0,
    equaliser_db=6.0,
    noise_db=-20.0,
    low_pass=0.5,
    silence=0.5,
    contrast=0.5,
    grain=0.5,
)


def batch(examples: int = 6, n_mels: int = 4, frames: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    """Spectrograms in dB, each of a class of its own."""
    generator = torch.Generator().manual_seed(0)
    return -80.0 * torch.rand((examples, n_mels, frames), generator=generator), torch.eye(examples)


def test_defaults_change_nothing() -> None:
    """Without an [augment] table a batch is what it was, and no random number is used up."""
    log_mel, targets = batch()
    before = torch.get_rng_state()
    x, y = augment(log_mel, targets, AugmentConfig(), SPEC)
    assert x is log_mel
    assert y is targets
    assert torch.equal(torch.get_rng_state(), before)


def test_everything_keeps_the_form_of_a_batch() -> None:
    """Shapes, type, range and the sum of the targets survive all changes together."""
    torch.manual_seed(1)
    log_mel, targets = batch()
    x, y = augment(log_mel, targets, EVERYTHING, SPEC)
    assert x.shape == log_mel.shape
    assert y.shape == targets.shape
    assert x.dtype == y.dtype == torch.float32
    assert x.min() >= FLOOR
    assert x.max() <= 0.0
    assert torch.allclose(y.sum(1), torch.ones(6))


def test_saved_random_state_repeats_a_batch() -> None:
    """A run that goes on from a saved random state sees the same changes."""
    log_mel, targets = batch()
    state = torch.get_rng_state()
    first = augment(log_mel, targets, EVERYTHING, SPEC)
    second = augment(log_mel, targets, EVERYTHING, SPEC)
    torch.set_rng_state(state)
    again = augment(log_mel, targets, EVERYTHING, SPEC)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], second[0])


def test_gain_changes_the_level_only() -> None:
    """Relative to full scale every example gets louder by a number of its own; no other change does that."""
    torch.manual_seed(1)
    log_mel, targets = batch(examples=200)
    log_mel = log_mel - log_mel.amax((1, 2), keepdim=True) - 70.0
    full_scale = replace(SPEC, reference="full_scale")
    louder, _ = augment(log_mel, targets, AugmentConfig(gain_db=20.0), full_scale)
    gain = louder - log_mel
    assert torch.allclose(gain, gain[:, :1, :1].expand_as(gain), atol=1e-4)
    assert 0.0 <= gain.min() < 2.0
    assert 18.0 < gain.max() <= 20.0
    changed, _ = augment(log_mel, targets, replace(EVERYTHING, mixup=0.0, silence=0.0), full_scale)
    assert torch.allclose(changed.amax((1, 2)), torch.tensor(-70.0), atol=1e-3)
    assert not torch.allclose(changed, log_mel, atol=1.0)


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


def test_equaliser_changes_bands_alike_at_all_times() -> None:
    """Every example gets one curve over the bands, smooth and of the wanted size."""
    torch.manual_seed(1)
    log_mel, _ = batch(examples=400, n_mels=64)
    curve = equalise(log_mel, 5.0) - log_mel
    assert torch.allclose(curve, curve[:, :, :1].expand_as(curve), atol=1e-4)
    assert curve[:, 0, 0].std() == pytest.approx(5.0, rel=0.15)
    assert curve[:, :, 0].diff(dim=1).abs().max() < 2.5  # dB from one band to the next


def test_expand_stretches_a_share() -> None:
    """The wanted share of the examples is stretched, each by a factor of its own of at most 2."""
    torch.manual_seed(1)
    log_mel, _ = batch(examples=200)
    factor = expand(log_mel, 0.3) / log_mel
    assert torch.allclose(factor, factor[:, :1, :1].expand_as(factor))
    assert factor.min() == 1.0
    assert 1.5 < factor.max() <= 2.0
    assert (factor[:, 0, 0] > 1.0).float().mean() == pytest.approx(0.3, abs=0.1)


def test_grain_changes_fluctuations_of_a_share() -> None:
    """What changes from frame to frame is scaled in the wanted share of the examples; what lasts stays."""
    torch.manual_seed(1)
    log_mel, _ = batch(examples=200, frames=60)
    changed = grain(log_mel, 0.5)
    ratio = changed.diff(dim=2).std((1, 2)) / log_mel.diff(dim=2).std((1, 2))
    assert (ratio != 1.0).float().mean() == pytest.approx(0.5, abs=0.1)
    assert ratio.min() < 0.5
    assert 1.5 < ratio.max() < 2.5
    assert torch.allclose(changed.mean((1, 2)), log_mel.mean((1, 2)), atol=1.0)
    steady = log_mel[:, :, :1].expand_as(log_mel)
    assert torch.allclose(grain(steady, 1.0), steady, atol=1e-4)


def test_low_pass_takes_upper_bands_of_a_share() -> None:
    """Of the wanted share of the examples, all bands above one in the upper half are gone."""
    torch.manual_seed(1)
    log_mel, _ = batch(examples=200, n_mels=8)
    gone = (low_pass(log_mel, 0.3, FLOOR) == FLOOR).all(dim=2)  # [B, n_mels]
    assert not gone[:, :4].any()
    assert torch.equal(gone, gone.cummax(dim=1).values)
    assert gone.any(dim=1).float().mean() == pytest.approx(0.3, abs=0.1)


def test_silence_takes_an_end_of_a_share() -> None:
    """Of the wanted share of the examples, all bands are silent at one end, for at most three quarters."""
    torch.manual_seed(1)
    log_mel, _ = batch(examples=200, frames=40)
    gone = (silence(log_mel, 0.3, FLOOR) == FLOOR).all(dim=1)  # [B, frames]
    assert gone.sum(1).max() <= 30
    assert (gone.diff(dim=1).sum(1) <= 1).all()
    assert gone.any(dim=1).float().mean() == pytest.approx(0.3, abs=0.1)
    assert gone[:, 0].any()
    assert gone[:, -1].any()


def test_noise_adds_power_below_the_maximum() -> None:
    """Half of the examples gain power, most where they had least; the level has an upper limit."""
    torch.manual_seed(1)
    log_mel = torch.full((400, 32, 5), FLOOR)
    log_mel[:, 3, 2] = 0.0
    noisy = add_noise(log_mel, -30.0)
    assert (noisy >= log_mel - 1e-3).all()
    floors = noisy[:, :, 0].median(dim=1).values
    touched = floors > FLOOR + 0.01
    assert touched.float().mean() == pytest.approx(0.5, abs=0.1)
    assert (floors < -10.0).all()


def test_impossible_changes() -> None:
    """Settings without a meaning are refused."""
    for wrong in (
        {"equaliser_db": -1.0},
        {"noise_db": 3.0},
        {"low_pass": 1.5},
        {"silence": -0.1},
        {"contrast": 2.0},
        {"grain": 2.0},
        {"gain_db": -1.0},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            AugmentConfig(**wrong)


def test_impossible_mixup() -> None:
    """A mixup that makes no sense is refused."""
    for alpha in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="mixup must be 0 or more"):
            AugmentConfig(mixup=alpha)
