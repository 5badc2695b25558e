"""Where the backbones' weights are published, and the folder that keeps them."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from monitor.errors import Exit, MonitorError, safe
from trainer import files
from trainer.download import Remote, check_disk, download, file_size, hasher, part_of

IMAGENET = "imagenet"
"""Name of the weights of image networks that are published, by torchvision"""
AUDIOSET = "audioset"
"""Name of the weights of networks for sound that are published: by PANNs' authors, and by openl3's port"""
PUBLISHED = (IMAGENET, AUDIOSET)
RANDOM = "random:"
"""Before a seed: the name of weights that are drawn"""


def _published(name: str, size: int, sha256: str) -> Remote:
    return Remote(f"https://download.pytorch.org/models/{name}", name, size, f"sha256:{sha256}")


CHECKPOINTS = {
    "vgg16": _published(
        "vgg16-397923af.pth", 553_433_881, "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
    ),
    "vgg19": _published(
        "vgg19-dcbb9e9d.pth", 574_673_361, "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"
    ),
    # Not the later and better "V2": its training recipe is younger than the paper.
    "resnet50": _published(
        "resnet50-0676ba61.pth",
        102_530_333,
        "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
    ),
    "densenet121": _published(
        "densenet121-a639ec97.pth",
        32_342_954,
        "a639ec97d7c33b07ae66f0b5fb7d0192f95a3b11b7576c66c0126c2a727c4395",
    ),
}
"""Image network -> its file"""


def _openl3(bands: int, embedding: int, blob: str) -> Remote:
    name = f"torchopenl3_mel{bands}_env_{embedding}.pth.tar"
    base = "https://github.com/torchopenl3/torchopenl3-models/raw/master"
    # Network, Fourier kernels and mel filters in single precision; its publisher does not tell the size.
    return Remote(f"{base}/{name}", name, 35_600_000 + bands * 4100, f"git:{blob}")


def _pann(name: str, size: int, md5: str) -> Remote:
    url = f"https://zenodo.org/record/3987831/files/{name.replace('=', '%3D')}?download=1"
    return Remote(url, name, size, f"md5:{md5}")


AUDIO_CHECKPOINTS = {
    "openl3": _openl3(256, 512, "a37a08222ebf9d8a88a84beeae76ad909dac0bc6"),
    "openl3-6144": _openl3(256, 6144, "49d8b06f66f77e3e21e9e4313114e69e0fddf82d"),
    "openl3-mel128": _openl3(128, 512, "0bd0f509b478fd015f5ff44fc260b3248d03307d"),
    "openl3-mel128-6144": _openl3(128, 6144, "8b831761f02efefb33e75c22c46b87be4ba255ce"),
    "pann": _pann("Wavegram_Logmel_Cnn14_mAP=0.439.pth", 328_700_000, "17fa9ab65af3c0eb5ffbc5f65552c4e1"),
    "pann-cnn14": _pann("Cnn14_mAP=0.431.pth", 327_428_481, "541141fa2ee191a88f24a3219fff024e"),
}
"""Network for sound -> its file"""


def published(name: str) -> Remote:
    """The file of a backbone that has one."""
    return CHECKPOINTS[name] if name in CHECKPOINTS else AUDIO_CHECKPOINTS[name]


def default_folder() -> Path:
    """Where checkpoints are kept unless the command line says something else."""
    return files.user_cache("weights")


def fetch(name: str, folder: Path) -> Path:
    """Download a checkpoint, unless it is there and right.

    Args:
        name: a backbone.
        folder: where it goes; made if it is missing.

    Returns:
        The file.

    Raises:
        MonitorError: exit code 74 if the disk is too small, 69 if the server cannot be reached, 65 if what
            arrives is not what was published.
    """
    remote = published(name)
    path = folder / remote.name
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        check_disk(folder, remote.size - file_size(part_of(path)))
    download([remote], folder)
    return path


def take(name: str, file: Path, folder: Path) -> Path:
    """Copy a checkpoint that came by another way than the network.

    Args:
        name: a backbone.
        file: must be the published one; it stays where it is.
        folder: where the copy goes; made if it is missing.

    Returns:
        The copy.

    Raises:
        MonitorError: exit code 66 if there is no such file, 65 if it is not the published one.
    """
    remote = published(name)
    path = folder / remote.name
    _check(remote, file, f"download it from {remote.url}")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, part_of(path))
    part_of(path).replace(path)
    return path


def find(name: str) -> Path:
    """A checkpoint in the default folder, proved by its digest.

    Raises:
        MonitorError: exit code 66 if it was not downloaded, 65 if it is damaged.
    """
    remote = published(name)
    path = default_folder() / remote.name
    _check(remote, path, f"run: activity-trainer download weights {name}")
    return path


def _check(remote: Remote, path: Path, advice: str) -> None:
    """Make sure that a file is the published one, or say what to do."""
    if not path.is_file():
        raise MonitorError(f"there is no file {safe(str(path))}; {advice}", Exit.NO_INPUT)
    algorithm, size = str(remote.digest).partition(":")[0], path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hasher(algorithm, size))
    found = f"{algorithm}:{digest.hexdigest()}"
    if found != remote.digest:
        raise MonitorError(
            f"{safe(str(path))} is not the published {remote.name}: wanted {remote.digest}, found {found} "
            f"({size} of {remote.size} bytes); {advice}"
        )
