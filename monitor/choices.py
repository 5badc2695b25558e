"""What a run chose, in terms of its bundle; what does not fit is refused."""

from __future__ import annotations

from monitor.config import ConfigError, Settings
from monitor.errors import nearest, safe
from monitor.inference import smooth
from monitor.inference.manifest import Manifest
from monitor.inference.smooth import UNKNOWN, Rules


def hop(settings: Settings, manifest: Manifest) -> int:
    """Samples between the starts of two windows.

    Raises:
        ConfigError: it is longer than a window.
    """
    samples = manifest.window if settings.hop is None else round(settings.hop * manifest.sample_rate)
    if not 0 < samples <= manifest.window:
        limit = f"{manifest.window_seconds:g} s, the window of bundle {safe(manifest.name)}"
        raise ConfigError(f"a hop of {settings.hop:g} s is not within {limit}")
    return samples


def rules(settings: Settings, manifest: Manifest) -> Rules:
    """How activities follow each other.

    Raises:
        ConfigError: the bundle has no such activity, or calls one `unknown` itself.
    """
    if settings.unknown_below and UNKNOWN in manifest.labels:
        raise ConfigError(
            f"bundle {safe(manifest.name)} has a class called {UNKNOWN!r} itself, so it cannot be used with "
            "--unknown-below; leave that out"
        )
    known = [*manifest.labels, *([UNKNOWN] if settings.unknown_below else [])]
    durations = {}
    for name, seconds in settings.min_duration:
        if name not in known:
            text = f"min_duration: bundle {safe(manifest.name)} has no activity {safe(name)}"
            raise ConfigError(text + nearest(name, known))
        durations[name] = round(seconds * manifest.sample_rate)
    return smooth.rules(
        manifest.labels, manifest.window, unknown_below=settings.unknown_below, durations=durations
    )
