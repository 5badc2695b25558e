"""Where a setting comes from, and what it may be."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from monitor.config import SETTINGS, ConfigError, Settings, resolve, slug
from monitor.errors import Exit

COOKING_AND_ABSENCE = ("min_duration", (("cooking", 60.0), ("absence", 300.0)))


def from_toml(tmp_path: Path, text: str | bytes, **flags: Any) -> Settings:
    """Settings with a configuration file."""
    path = tmp_path / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return resolve(flags, path, {})


def test_defaults_stand_in_the_dataclass_alone(tmp_path: Path) -> None:
    """Without any source the settings are the defaults."""
    assert resolve({}, None, {"XDG_CONFIG_HOME": str(tmp_path)}) == Settings()


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    """The nearer to the user, the stronger."""
    path = tmp_path / "config.toml"
    path.write_text("threads = 2\nhop = 2\nspeed = 2\n")
    environment = {"ACTIVITY_MONITOR_HOP": "3", "ACTIVITY_MONITOR_SPEED": "3"}
    settings = resolve({"speed": "4"}, path, environment)
    assert (settings.threads, settings.hop, settings.speed, settings.channels) == (2, 3.0, 4.0, 4)


def test_where_the_file_is_looked_for(tmp_path: Path) -> None:
    """The named file, the one in the variable, the user's."""
    for name in ("flag", "variable", "home/activity-monitor/config"):
        path = tmp_path / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'node = "{Path(name).name}"\n')
    environment = {
        "ACTIVITY_MONITOR_CONFIG": str(tmp_path / "variable.toml"),
        "XDG_CONFIG_HOME": str(tmp_path / "home"),
    }
    assert resolve({}, tmp_path / "flag.toml", environment).node == "flag"
    assert resolve({}, None, environment).node == "variable"
    del environment["ACTIVITY_MONITOR_CONFIG"]
    assert resolve({}, None, environment).node == "config"


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ('device = "hw:1"', "device", ("hw:1",)),
        ('device = ["hw:1", "hw:2"]', "device", ("hw:1", "hw:2")),
        ("channel_map = [3, 1]", "channel_map", (3, 1)),
        ('channel_map = "3,1"', "channel_map", (3, 1)),
        ('speed = "max"', "speed", math.inf),
        ("loop = true", "loop", True),
        ("hop = 2.5", "hop", 2.5),
        ("unknown_below = 0.6", "unknown_below", 0.6),
        ('min_duration = {cooking = "60s", absence = "5m"}', *COOKING_AND_ABSENCE),
        ('min_duration = "cooking=1m, absence=300"', *COOKING_AND_ABSENCE),
        ('min_duration = {"a = b, c" = 0.5}', "min_duration", (("a = b, c", 0.5),)),
        ("journal_days = 30", "journal_days", 30),
        ('publish = "none"', "publish", "none"),
        ('publish = "ipc:///run/a/stream"', "publish", "ipc:///run/a/stream"),
        ('publish = "tcp://[::1]:5556"', "publish", "tcp://[::1]:5556"),
        ('keys = "a"\npublish = "tcp://0.0.0.0:5556"', "publish", "tcp://0.0.0.0:5556"),
        ('keys = "a"\npublish = "tcp://[fd00::2]:5556"', "publish", "tcp://[fd00::2]:5556"),
    ],
)
def test_values_of_a_file(tmp_path: Path, text: str, key: str, value: object) -> None:
    """TOML's own types, or the text as on the command line."""
    assert getattr(from_toml(tmp_path, text), key) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("thread = 2", "thread: no such setting; did you mean threads?"),
        ("zebra = 2", "zebra: no such setting$"),
        ("journal_mb = 5", "journal_mb: a whole number from 10 to 1000000 wanted, not 5"),
        ("threads = 0", "threads: a whole number from 1 to 64 wanted, not 0"),
        ("threads = 1.5", "threads: a whole number"),
        ("threads = true", "threads: a whole number"),
        ("hop = 0", "hop: a number of seconds above 0 wanted, not 0"),
        ("hop = -1", "hop: a number of seconds"),
        ("hop = nan", "hop: a number of seconds"),
        ("hop = inf", "hop: a number of seconds"),
        ("hop = [1]", "hop: a number of seconds"),
        ("speed = 0", "speed: a factor above 0, or max"),
        ("unknown_below = 1.1", "unknown_below: a number from 0 to 1 wanted, not 1.1"),
        ("unknown_below = -0.1", "unknown_below: a number from 0 to 1"),
        ("unknown_below = nan", "unknown_below: a number from 0 to 1"),
        ("unknown_below = true", "unknown_below: a number from 0 to 1"),
        (
            "min_duration = 60",
            "min_duration: activities and how long, such as cooking=60s,absence=5m, wanted",
        ),
        ('min_duration = "cooking"', "min_duration: activities and how long"),
        ('min_duration = ""', "min_duration: activities and how long"),
        ('min_duration = "=5s"', "min_duration: activities and how long"),
        ('min_duration = "cooking=s"', "min_duration: activities and how long"),
        ('min_duration = "cooking=0s"', "min_duration: activities and how long"),
        ("min_duration = {cooking = true}", "min_duration: activities and how long"),
        ("min_duration = {cooking = inf}", "min_duration: activities and how long"),
        ('provider = "gpu"', "provider: one of auto, cpu, cuda wanted, not 'gpu'"),
        ('loop = "maybe"', "loop: true or false"),
        ("loop = 1", "loop: true or false"),
        ("device = 1", "device: a text"),
        ('device = ""', "device: a text"),
        ('name = "Big Room"', "name: names of 1 to 64 of a-z"),
        ("channel_map = [1, 1]", "channel_map: different channels"),
        ("channel_map = []", "channel_map: different channels"),
        ("channel_map = [-1]", "channel_map: different channels"),
        ('publish = "tcp://::1:5556"', "publish: tcp://127.0.0.1:PORT, another address"),
        ('publish = "tcp://[::1]"', "publish: "),
        ('publish = "tcp://eth0:5556"', "publish: "),
        ('keys = ""', "keys: a path"),
        ('publish = "tcp://127.0.0.1:65535"', "publish: "),
        ('publish = "tcp://127.0.0.1"', "publish: "),
        ('publish = "udp://127.0.0.1:1"', "publish: "),
        ('publish = "ipc://"', "publish: "),
        ('publish = "tcp://127.0.0.1:5556/path"', "publish: "),
        ('publish = "tcp://me@127.0.0.1:5556"', "publish: "),
        ("threads = 1\nthreads = 2", "Cannot overwrite a value"),
        ("threads =", "Invalid value"),
        ("a = " + "[" * 20_000, "configuration .*"),
        (b"\xff\xfe", "configuration .*utf-8"),
        (b"#" * ((1 << 20) + 1), "larger than 1 MiB"),
    ],
)
def test_a_wrong_file_is_refused_in_words(tmp_path: Path, text: str | bytes, message: str) -> None:
    """Exit code 78, with the file, the key and what is possible."""
    with pytest.raises(ConfigError, match=message) as error:
        from_toml(tmp_path, text)
    assert error.value.exit_code == Exit.CONFIG
    assert "config.toml" in str(error.value)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    """A file that was named must be there."""
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigError, match="no such file"):
            resolve({}, path, {})


def test_a_wrong_variable_is_refused() -> None:
    """The environment is checked like the file."""
    with pytest.raises(
        ConfigError, match="ACTIVITY_MONITOR_THREAD: no such setting; did you mean ACTIVITY_MONITOR_THREADS"
    ):
        resolve({}, None, {"ACTIVITY_MONITOR_THREAD": "2"})
    with pytest.raises(ConfigError, match="ACTIVITY_MONITOR_THREADS: a whole number"):
        resolve({}, None, {"ACTIVITY_MONITOR_THREADS": "two"})


def test_a_wrong_flag_is_a_usage_error() -> None:
    """On the command line the exit code is 2, and the flag is named as it is typed."""
    with pytest.raises(ConfigError, match="--max-windows: a whole number") as error:
        resolve({"max_windows": "0"}, None, {})
    assert error.value.exit_code == Exit.USAGE


def test_arrays_of_the_command_line_replace_those_of_the_configuration(tmp_path: Path) -> None:
    """Replaying a file on a configured machine does not open the microphones there."""
    text = 'device = "hw:1"\nname = "kitchen"\nthreads = 2\n'
    settings = from_toml(tmp_path, text, replay=["day.wav"])
    assert (settings.device, settings.replay, settings.name) == ((), ("day.wav",), ())
    assert settings.threads == 2
    for other in ({"threads": "3"}, {"name": ["hall"]}):
        assert from_toml(tmp_path, text, **other).device == ("hw:1",)


def test_channels_and_channel_map_must_agree(tmp_path: Path) -> None:
    """Nobody has to guess which of the two counts."""
    assert from_toml(tmp_path, "channel_map = [1, 2]").channel_count == 2
    assert from_toml(tmp_path, "channels = 2\nchannel_map = [1, 2]").channel_count == 2
    with pytest.raises(ConfigError, match="4 channels, but 2 in the channel map"):
        from_toml(tmp_path, "channels = 4\nchannel_map = [1, 2]")


def test_every_setting_has_help() -> None:
    """A setting without words cannot be used."""
    assert all(setting.metadata["help"] for setting in SETTINGS.values())


@pytest.mark.parametrize(
    ("text", "name"),
    [("Küche 1.wav", "k-che-1-wav"), ("hw:CARD=A,DEV=0", "hw-card-a-dev-0"), ("///", "array")],
)
def test_slug(text: str, name: str) -> None:
    """Names for topics are plain."""
    assert slug(text) == name


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.2", "[::]", "[fd00::2]"])  # noqa: S104 - refused
def test_other_machines_need_keys(tmp_path: Path, address: str) -> None:
    """Wherever the two settings come from."""
    publish = f"tcp://{address}:5556"
    wanted = re.escape(publish) + " can be reached from other machines, so it needs keys"
    with pytest.raises(ConfigError, match=wanted) as error:
        from_toml(tmp_path, f'publish = "{publish}"')
    assert error.value.exit_code == Exit.CONFIG
    with pytest.raises(ConfigError, match=wanted) as error:
        from_toml(tmp_path, "", publish=publish)
    assert error.value.exit_code == Exit.USAGE
    assert from_toml(tmp_path, 'keys = "folder"', publish=publish).publish == publish


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "localhost", "[::1]"])
def test_this_machine_does_not(tmp_path: Path, address: str) -> None:
    """Whatever it calls itself."""
    assert from_toml(tmp_path, "", publish=f"tcp://{address}:5556").keys is None
