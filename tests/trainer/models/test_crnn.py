from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from trainer import recipes
from trainer.models.crnn import Crnn, CrnnConfig
from trainer.recipes import CrnnRecipe

SMALL = CrnnConfig(
    labels=3,
    n_mels=16,
    threshold_db=-60.0,
    kernels=(3, 4),
    filters=(4, 8),
    pools=((4, 2), (4, 2)),
    gru_units=8,
)


def decibels(*shape: int) -> torch.Tensor:
    """A batch of spectrograms in [-80, 0] dB."""
    return -80.0 * torch.rand(shape, generator=torch.Generator().manual_seed(0))


CRNNS = [recipe for recipe in map(recipes.load, recipes.names()) if isinstance(recipe, CrnnRecipe)]


@pytest.mark.parametrize("recipe", CRNNS, ids=[recipe.name for recipe in CRNNS])
def test_every_recipe_makes_logits(recipe: CrnnRecipe) -> None:
    """Every recipe's model turns its own windows into one logit per class, over several GRU steps."""
    config = recipe.crnn(labels=9)
    frames = recipe.log_mel.frames(recipe.window)
    model = Crnn(config).eval()
    with torch.inference_mode():
        assert model(decibels(2, config.n_mels, frames)).shape == (2, 9)
        planes = 1 if config.level_db is None else 2
        features = model.blocks(decibels(1, planes, config.n_mels, frames))
    assert features.shape == (1, config.filters[-1], config.bands, config.steps(frames))
    assert config.steps(frames) >= 7


def test_input_below_the_threshold_does_not_matter() -> None:
    """What is quieter than the threshold is as good as the threshold."""
    model = Crnn(SMALL).eval()
    log_mel = decibels(2, 16, 20)
    with torch.inference_mode():
        assert torch.equal(model(log_mel), model(log_mel.clamp(min=-60.0)))
        assert not torch.equal(model(log_mel), model(log_mel.clamp(min=-50.0)))


def test_blocks_see_minus_one_to_one() -> None:
    """Threshold and maximum of the input become -1 and 1."""
    model = Crnn(SMALL).eval()
    seen: list[torch.Tensor] = []
    model.blocks.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        model(torch.tensor([-90.0, -60.0, -30.0, 0.0]).repeat(1, 16, 5))
    assert torch.allclose(seen[0][0, 0, 0, :4], torch.tensor([-1.0, -1.0, 0.0, 1.0]))


def test_scale_of_the_clip() -> None:
    """With `scale="clip"` an example's own range becomes [-1, 1]; one without any becomes -1."""
    model = Crnn(replace(SMALL, scale="clip")).eval()
    seen: list[torch.Tensor] = []
    model.blocks.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    wide = torch.tensor([-90.0, -40.0, -20.0, 0.0]).repeat(1, 16, 5)
    narrow = torch.tensor([-40.0, -30.0, -20.0, 0.0]).repeat(1, 16, 5)
    with torch.inference_mode():
        model(torch.cat([wide, narrow, torch.full_like(wide, -60.0)]))
    assert torch.allclose(seen[0][0, 0, 0, :4], torch.tensor([-1.0, -1 / 3, 1 / 3, 1.0]))
    assert torch.allclose(seen[0][1, 0, 0, :4], torch.tensor([-1.0, -0.5, 0.0, 1.0]))
    assert torch.equal(seen[0][2], torch.full_like(seen[0][2], -1.0))


def test_initial_weights_as_in_keras() -> None:
    """With `initial="keras"` weights are Glorot-uniform or orthogonal, biases zero."""
    torch.manual_seed(1)
    model = Crnn(replace(SMALL, initial="keras"))
    conv = model.blocks[1][1]
    limit = (6 / (4 * 4 * (4 + 8))) ** 0.5  # sqrt(6 / (fan in + fan out)) of a 4 x 4 kernel, 4 to 8 channels
    assert 0.9 * limit < conv.weight.abs().max() <= limit
    assert not any(bias.any() for name, bias in model.named_parameters() if "bias" in name)
    recurrent = model.gru.weight_hh_l0.T  # [units, 3 * units] as in Keras: orthonormal rows
    assert torch.allclose(recurrent @ recurrent.T, torch.eye(8), atol=1e-5)


def test_pooling_before_elu_changes_nothing() -> None:
    """The block equals the paper's order: convolution, normalisation, ELU, pooling."""
    block = Crnn(SMALL).eval().blocks[1]
    pad, convolution, norm, pool, elu, _ = block
    x = torch.randn(2, 4, 8, 10)
    with torch.inference_mode():
        assert torch.equal(block(x), pool(elu(norm(convolution(pad(x))))))


def test_a_window_does_not_depend_on_its_batch() -> None:
    """The posteriors of a window are the same whatever else is in the batch."""
    model = Crnn(SMALL).eval()
    log_mel = decibels(5, 16, 20)
    with torch.inference_mode():
        assert torch.allclose(model(log_mel)[3:4], model(log_mel[3:4]), atol=1e-6)


def test_order_in_time_matters() -> None:
    """The recurrent layers hear a sound played backwards as another one."""
    model = Crnn(SMALL).eval()
    log_mel = decibels(1, 16, 20)
    with torch.inference_mode():
        assert not torch.allclose(model(log_mel), model(log_mel.flip(-1)), atol=1e-4)


def test_mean_readout_hears_the_start() -> None:
    """With the mean of all steps, a sound at the start weighs as much as one at the end."""
    last, mean = Crnn(SMALL).eval(), Crnn(replace(SMALL, readout="mean")).eval()
    mean.load_state_dict(last.state_dict())
    steps: list[torch.Tensor] = []
    mean.gru.register_forward_hook(lambda *call: steps.append(call[2][0]))
    log_mel = decibels(2, 16, 20)
    with torch.inference_mode():
        logits = mean(log_mel)
        assert torch.allclose(logits, mean.head(steps[0].mean(dim=1)))
        assert torch.allclose(last(log_mel), last.head(steps[0][:, -1]))
        assert not torch.allclose(logits, last(log_mel))


def test_level_is_seen_between_its_limits() -> None:
    """With `level_db` blocks see one plane relative to the maximum and one to full scale."""
    model = Crnn(replace(SMALL, level_db=(-90.0, -20.0))).eval()
    seen: list[torch.Tensor] = []
    model.blocks.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        for gain in (0.0, 35.0):
            model(gain + torch.tensor([-100.0, -85.0, -70.0, -40.0]).repeat(1, 16, 5))
    quiet, loud = seen[0][0, :, 0, :4], seen[1][0, :, 0, :4]
    assert torch.allclose(quiet[0], torch.tensor([-1.0, -0.5, 0.0, 1.0]))
    assert torch.allclose(loud[0], quiet[0])
    assert torch.allclose(quiet[1], 2.0 * torch.tensor([0.0, 5.0, 20.0, 50.0]) / 70.0 - 1.0)
    assert torch.allclose(loud[1], 2.0 * torch.tensor([25.0, 40.0, 55.0, 70.0]) / 70.0 - 1.0)


def test_silence_is_no_loud_noise() -> None:
    """What lies under the lower level is dark, although its own maximum is not far above it."""
    model = Crnn(replace(SMALL, level_db=(-90.0, -20.0))).eval()
    seen: list[torch.Tensor] = []
    model.blocks.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        model(torch.full((1, 16, 20), -200.0))
    assert torch.equal(seen[0], torch.full_like(seen[0], -1.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pools": ((4, 2), (8, 2))}, "leaves nothing of 16 mel bands"),
        ({"kernels": (3,)}, "one entry per block"),
        ({"filters": (4, 0)}, "must be whole and positive"),
        ({"threshold_db": 0.0}, "below 0 dB"),
        ({"level_db": (-20.0, -90.0)}, "the lower one first"),
        ({"readout": "first"}, "readout must be 'last' or 'mean'"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
    ],
)
def test_impossible_configs(change: dict[str, object], message: str) -> None:
    """A config that makes no sense is refused before any weight exists."""
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)
