"""The service units, and how `make install` puts them in place."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = {
    "activity-monitor.service": "activity-monitor.service",
    "activity-monitor@.service": "activity-monitor.service",
    "activity-monitor-homeassistant.service": "activity-monitor-homeassistant.service",
}
"""Installed as -> in the folder systemd"""

PYTHON = """#!/bin/sh
# Stands for Python: `-m venv FOLDER` makes an environment, `-m pip install ...` in it makes the program.
if [ "$2" = venv ]; then
  mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
else
  printf '#!%s\\n' "$0" >"$(dirname "$0")/activity-monitor"
fi
"""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Debian: systemd)")
@pytest.mark.parametrize("name", UNITS)
def test_the_service_is_exposed_as_little_as_it_can_be(tmp_path: Path, name: str) -> None:
    """The check of systemd itself finds nothing wrong, and an exposure of 1.5 of 10 at most."""
    unit = tmp_path / name
    source = ROOT / "systemd" / UNITS[name]
    unit.write_text(source.read_text().replace("/usr/local/bin/activity-monitor", "/bin/true"))
    verify = ["systemd-analyze", "verify", str(unit)]
    verified = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(unit)]
    rated = subprocess.run(security, capture_output=True, text=True, check=False)
    assert rated.returncode == 0, rated.stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("prefix", ["/usr/local", "/opt/monitor"])
def test_install_and_uninstall(tmp_path: Path, prefix: str) -> None:
    """What is staged names only paths of the final place; uninstalling leaves the settings."""
    python, stage = tmp_path / "python", tmp_path / "stage"
    python.write_text(PYTHON)
    python.chmod(0o755)
    settings = stage / "etc/activity-monitor/config.toml"
    settings.parent.mkdir(parents=True)
    settings.touch()

    def make(target: str) -> list[str]:
        """Files in the stage after a target."""
        options = [f"PYTHON={python}", f"DESTDIR={stage}", f"prefix={prefix}"]
        subprocess.run(["make", target, *options], cwd=ROOT, capture_output=True, check=True)
        return sorted("/" + str(p.relative_to(stage)) for p in stage.rglob("*") if not p.is_dir())

    assert make("install") == sorted(
        [
            "/etc/activity-monitor/config.toml",
            f"{prefix}/bin/activity-monitor",
            f"{prefix}/lib/activity-monitor/bin/activity-monitor",
            f"{prefix}/lib/activity-monitor/bin/python",
            *(f"{prefix}/lib/systemd/system/{name}" for name in UNITS),
        ]
    )
    program = f"{prefix}/lib/activity-monitor/bin/"
    assert str((stage / f".{prefix}/bin/activity-monitor").readlink()) == program + "activity-monitor"
    assert (stage / f".{program}/activity-monitor").read_text() == f"#!{program}python\n"
    for name in UNITS:
        installed = (stage / f".{prefix}/lib/systemd/system/{name}").read_text()
        words = "homeassistant\n" if "homeassistant" in name else "--config %d/config.toml "
        assert f"\nExecStart={prefix}/bin/activity-monitor {words}" in installed
        assert str(tmp_path) not in installed
    assert make("uninstall") == ["/etc/activity-monitor/config.toml"]
