"""Fresh weights for a backbone: the paper also uses networks that have learnt nothing.

Batch normalisation is an identity (but for its epsilon), biases are 0, and the weights follow one of

    keras        Keras' defaults, as when the constructor of the paper's toolkit is given no weights
    torchvision  what torchvision's constructors do
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

Scheme = Literal["keras", "torchvision"]
Fan = Literal["fan_in", "fan_out"]


def randomise(network: nn.Module, seed: int, scheme: Scheme, fan: Fan) -> None:
    """Give all layers fresh weights, in place.

    The same seed gives the same weights whatever else the program draws.

    Args:
        network: of convolutions, linear layers and batch normalisations.
        seed: 0 or more.
        scheme: `keras`: Glorot uniform; `torchvision`: He normal, linear layers N(0, 0.01).
        fan: what the variance of the He normal weights goes by.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            if scheme == "keras":
                nn.init.xavier_uniform_(module.weight, generator=generator)
            elif not isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight, mode=fan, nonlinearity="relu", generator=generator)
            else:
                nn.init.normal_(module.weight, std=0.01, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
