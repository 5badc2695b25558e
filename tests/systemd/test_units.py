"""The service unit."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "activity-monitor.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Debian: systemd)")
def test_the_service_is_exposed_as_little_as_it_can_be(tmp_path: Path) -> None:
    """The check of systemd itself finds nothing wrong, and an exposure of 1.5 of 10 at most."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/activity-monitor/bin/activity-monitor", "/bin/true"))
    verify = ["systemd-analyze", "verify", str(unit)]
    verified = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(unit)]
    rated = subprocess.run(security, capture_output=True, text=True, check=False)
    assert rated.returncode == 0, rated.stdout
