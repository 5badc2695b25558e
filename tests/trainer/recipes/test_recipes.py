from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.errors import MonitorError
from tests import toy_backbone
from tests.toy_training import RECIPE, write_recipe
from trainer import recipes
from trainer.augment import AugmentConfig


def test_recipes_of_the_paper() -> None:
    """The shipped recipes hold the paper's numbers."""
    esc50, dcase2018 = recipes.load("esc50"), recipes.load("dcase2018")
    assert (esc50.learning_rate, esc50.epochs, esc50.window_seconds) == (0.001, 100, 5.0)
    assert esc50.log_mel.sample_rate == 44100
    assert esc50.crnn(50).threshold_db == -80.0
    assert (dcase2018.learning_rate, dcase2018.epochs, dcase2018.batch) == (0.01, 30, 64)
    assert dcase2018.crnn(9).kernels == (5, 4, 3)
    assert dcase2018.crnn(9).pools[2] == (32, 2)
    assert recipes.load("dcase2017").epochs == 50


@pytest.mark.parametrize("name", recipes.names())
def test_json_round_trip(name: str) -> None:
    """A recipe survives the run directory unchanged."""
    recipe = recipes.load(name)
    again = recipes.from_json(json.loads(json.dumps(recipes.to_json(recipe))))
    assert again == recipe


def test_optional_fields_are_off() -> None:
    """A recipe that says nothing of them has no augmentation, no weight decay, and the paper's schedule."""
    recipe = recipes.load("esc50")
    assert recipe.augment == AugmentConfig()
    assert recipe.weight_decay == 0
    assert recipe.schedule == "inverse"
    assert recipe.crnn(10).readout == "last"


def test_recipe_from_a_file(tmp_path: Path) -> None:
    """A recipe of one's own is named after its file."""
    assert recipes.load(write_recipe(tmp_path)).name == "toy"


def test_unknown_recipe_names_the_nearest() -> None:
    """A misspelt recipe is answered with the nearest one."""
    with pytest.raises(MonitorError, match="no recipe 'esc5'; did you mean esc50") as caught:
        recipes.load("esc5")
    assert caught.value.exit_code == 78


def test_unknown_recipe_lists_all() -> None:
    """With nothing near, the known ones are listed."""
    with pytest.raises(MonitorError, match=r"known: dcase2017, dcase2017-audio, .* esc50-plus"):
        recipes.load("zzz")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 10", "epoch = 10", "unknown key 'epoch'; did you mean epochs"),
        ("n_mels = 16", "n_mel = 16", r"\[log_mel\] has an unknown key 'n_mel'; did you mean n_mels"),
        ("gru_units = 8", "labels = 8", r"\[model\] has an unknown key 'labels'"),
        ("filters = [4, 8]", "", r"\[model\] has no filters"),
        ("batch = 8", "", "has no batch"),
        ("batch = 8", "batch = 0", "must be positive"),
        ("batch = 8", "batch = 'many'", "must be whole numbers"),
        ("seed = 1", "seed = 0.5", "must be whole numbers"),
        ("0.999", "1.999", "betas must be in"),
        ("filters = [4, 8]", "filters = [4, 8.5]", "must be whole and positive"),
        ("pools = [[4, 2], [4, 2]]", "pools = [[4, 20], [4, 2]]", "leaves nothing of the frames of 1.0 s"),
        ("threshold_db = -60.0", "threshold_db = -90.0", "below the spectrogram's -80.0"),
        ("[model]", "[model", "not valid TOML"),
        ("seed = 1", "seed = 1\nschedule = 'linear'", "schedule must be 'inverse' or 'cosine', not 'linear'"),
        ("seed = 1", "seed = 1\nschedule = 'cosine'", "with 'cosine' it must be 0"),
        ("seed = 1", "seed = 1\nweight_decay = -1", r"weight_decay must be in \[0, 1\), not -1"),
        ("seed = 1", "seed = 1\naugment = 3", r"\[augment\] must be a table"),
        ("[model]", "[augment]\nmixups = 1\n[model]", "unknown key 'mixups'; did you mean mixup"),
        ("[model]", "[augment]\nmixup = -1\n[model]", "mixup must be 0 or more, not -1"),
        ("[model]", "[augment]\ngain_db = 6\n[model]", "gain_db needs log_mel's reference 'full_scale'"),
        ("gru_units = 8", "level_db = [-90, -20]", "'full_scale' and the model's level_db need each other"),
        ("gru_units = 8", "readout = 'first'", "readout must be 'last' or 'mean', not 'first'"),
    ],
)
def test_mistakes_in_a_recipe(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A mistake in a recipe is named with the key it is in."""
    with pytest.raises(MonitorError, match=message):
        recipes.load(write_recipe(tmp_path, RECIPE.replace(old, new)))


def test_missing_recipe_file() -> None:
    """A recipe file that is not there is exit code 66."""
    with pytest.raises(MonitorError, match=r"nowhere\.toml: No such file") as caught:
        recipes.load("nowhere.toml")
    assert caught.value.exit_code == 66


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[picture]", "[picture]\nsize = 227", "densenet121 takes pictures of 224 x 224 pixels, not of 227"),
        ("[picture]", "[picture]\ncmap = 'jet'", "cmap must be one of gray, .*viridis.* not 'jet'"),
        ("[picture]", "[picture]\ncolour = 1", r"\[picture\] has an unknown key 'colour'"),
        ("[picture]", "", "has no picture"),
        ('"densenet121"', '"resnet18"', "backbone must be one of vgg16, vgg19, resnet50, densenet121,"),
        ('weights = "random:1"', "", "has no weights"),
        ("window_seconds = 1.0", "window_seconds = 0.01", "shorter than a frame"),
        (
            "window_seconds = 1.0",
            "window_seconds = 1.0\nchannels = 'all'",
            "channels must be one of each, mono",
        ),
        (
            "window_seconds = 1.0",
            "window_seconds = 1.0\npreprocessing = 'caffe'",
            "preprocessing must be one of torchvision, deep-spectrum",
        ),
        ("window_seconds = 1.0", "window_seconds = 1.0\nscheme = 'he'", "scheme must be one of keras"),
    ],
)
def test_bad_recipes_of_backbones(tmp_path: Path, old: str, new: str, message: str) -> None:
    """What a backbone cannot take is said in a line, with what it can."""
    assert old in toy_backbone.RECIPE
    with pytest.raises(MonitorError, match=message) as caught:
        recipes.load(toy_backbone.write_recipe(tmp_path, toy_backbone.RECIPE.replace(old, new, 1)))
    assert caught.value.exit_code == 78
    assert "\n" not in str(caught.value)


def test_deep_spectrum_recipes() -> None:
    """Each data set has its native rate, with the paper's windows and the toolkit's mel bands."""
    for name, rate, seconds in (
        ("esc50", 44100, 5.0),
        ("dcase2017", 44100, 10.0),
        ("dcase2018", 16000, 10.0),
    ):
        recipe = recipes.load_as(recipes.SvmRecipe, f"{name}-deep-spectrum")
        spec = recipe.log_mel
        assert (spec.sample_rate, recipe.window_seconds, spec.mel) == (rate, seconds, "slaney")
        assert (spec.window_seconds, spec.hop_seconds, spec.n_mels, spec.pre_emphasis) == (0.32, 0.16, 128, 0)
        assert (recipe.picture.cmap, recipe.channels) == ("viridis", "mono")


def test_a_fusion_has_no_file(tmp_path: Path) -> None:
    """A recipe file with members is refused."""
    (tmp_path / "fused.toml").write_text("members = []")
    with pytest.raises(MonitorError, match="fusions have no file"):
        recipes.load(str(tmp_path / "fused.toml"))
