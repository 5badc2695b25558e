"""How the walls of a room absorb sound, and how long the room therefore reverberates."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import numpy.typing as npt

from monitor.errors import Exit, MonitorError
from trainer.simulate.dice import Dice

Floats = npt.NDArray[np.float64]

SPEED_OF_SOUND = 343.0
"""Metres per second"""
CENTRES = 125.0 * 2.0 ** np.arange(7)
"""Hertz: the octave bands of everything here"""
AIR = np.array([0.1, 0.3, 0.6, 1.0, 1.9, 5.8, 20.3]) * 1e-3
"""Power that the air takes per metre in each band: 20 degrees, 60 % humidity (Vorlaender, "Auralization")"""

SURFACES = ("west", "east", "south", "north", "floor", "ceiling")
# Names of pyroomacoustics' table of materials.
WALLS = (
    "brickwork",
    "plasterboard",
    "hard_surface",
    "wooden_lining",
    "curtains_cotton_0.5",
    "glass_window",
    "rough_concrete",
    "wood_16mm",
    "rough_lime_wash",
    "curtains_cotton_0.33",
)
FLOORS = (
    "linoleum_on_concrete",
    "carpet_thin",
    "wood_1.6cm",
    "ceramic_tiles",
    "carpet_cotton",
    "stage_floor",
    "carpet_hairy",
    "felt_5mm",
)
CEILINGS = ("hard_surface", "ceiling_plasterboard", "plasterboard", "wooden_lining", "ceiling_fissured_tile")
UPHOLSTERY = "chairs_upholstered_moderate"
"""What furniture adds to every surface"""


def acoustics() -> ModuleType:
    """The package pyroomacoustics.

    Raises:
        MonitorError: it is not installed.
    """
    try:
        import pyroomacoustics
    except ImportError as exc:
        raise MonitorError(
            "simulated rooms need pyroomacoustics, which is not installed: "
            "pip install 'activity-monitor[simulate]'",
            Exit.UNAVAILABLE,
        ) from exc
    module: ModuleType = pyroomacoustics
    return module


def absorption(dice: Dice, size: Floats, seconds: float) -> Floats:
    """Absorption of a room of random materials, furnished until it reverberates as long as asked for.

    Args:
        dice: source of random numbers.
        size: length, width, height in metres.
        seconds: reverberation time, to -60 dB, mean of 500 and 1000 Hz.

    Returns:
        `[6, 7]`, of `SURFACES` in the bands of `CENTRES`: the part of the power that a reflection loses.

    Raises:
        MonitorError: pyroomacoustics is not installed.
    """
    names = [*(dice.trait_of(WALLS) for _ in range(4)), dice.trait_of(FLOORS), dice.trait_of(CEILINGS)]
    furnished = dice.trait(0.02, 0.4)
    bare = np.stack([_coefficients(name) for name in names])
    mixed = (1.0 - furnished) * bare + furnished * _coefficients(UPHOLSTERY)
    # What is left after a reflection, to the power k, makes the room 1 / k times as reverberant.
    times = reverberation(size, mixed, air=False)
    times *= seconds / (2.0 / (1.0 / times[2:4]).sum())
    # No room booms or is muffled as much as its materials alone would allow.
    exponents = reverberation(size, mixed, air=False) / np.clip(times, 0.5 * seconds, 1.5 * seconds)
    furnished_walls: Floats = 1.0 - (1.0 - mixed) ** exponents
    return furnished_walls


def reverberation(size: Floats, absorbed: Floats, *, air: bool = True) -> Floats:
    """Seconds to -60 dB in the bands of `CENTRES`, `[7]`, by Millington's formula.

    Args:
        size: length, width, height in metres.
        absorbed: `[6, 7]`, as from `absorption`.
        air: count what the air absorbs, too.
    """
    length, width, height = size
    areas = np.repeat([width * height, length * height, length * width], 2)
    lost = areas @ -np.log1p(-absorbed) + (4.0 * AIR * size.prod() if air else 0.0)
    times: Floats = 24.0 * np.log(10.0) / SPEED_OF_SOUND * size.prod() / lost
    return times


def _coefficients(name: str) -> Floats:
    table = acoustics().Material(name).energy_absorption
    # The table of some materials ends at 4 kHz; nothing absorbs everything.
    coefficients: Floats = np.minimum(np.interp(CENTRES, table["center_freqs"], table["coeffs"]), 0.95)
    return coefficients
