"""Names of mmpose's configurations, without mmpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifting.errors import ConfigError
from realtime.detectors.factory import open_detector
from realtime.openmmlab.configs import find_config


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of configurations as mmpose brings it."""
    for name in ("body/rtmpose/rtmpose-t_a.py", "body/heat/hrnet_b.py", "_base_/default_runtime.py"):
        (tmp_path / "configs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "configs" / name).write_text("")
    return tmp_path / "configs"


@pytest.mark.parametrize("name", ["rtmpose-t_a", "rtmpose-t_a.py"])
def test_a_name_is_found_in_whatever_folder(root: Path, name: str) -> None:
    """With or without its suffix."""
    assert find_config(name, root) == root / "body" / "rtmpose" / "rtmpose-t_a.py"


def test_a_file_of_the_users_own(root: Path, tmp_path: Path) -> None:
    """A path that exists is taken as it is."""
    own = tmp_path / "own.py"
    own.write_text("")
    assert find_config(str(own), root) == own


@pytest.mark.parametrize("name", [
    "https://example.org/config.py", "http://example.org/rtmpose-t_a", "s3://bucket/rtmpose-t_a.py",
])  # fmt: skip
def test_addresses_are_refused(root: Path, name: str) -> None:
    """A configuration is code; the error says so."""
    with pytest.raises(ConfigError, match="not taken from an address"):
        find_config(name, root)


@pytest.mark.parametrize("name", ["rtmpose-t_b", "../body/heat/hrnet_b", "default_runtime", "", "a" * 500])
def test_unknown_names(root: Path, name: str) -> None:
    """Typos get a hint; paths into the package and its building blocks are no names."""
    with pytest.raises(ConfigError, match="has no configuration"):
        find_config(name, root)


def test_a_typo_is_recognised(root: Path) -> None:
    """The nearest name is said."""
    with pytest.raises(ConfigError, match="Did you mean: rtmpose-t_a"):
        find_config("rtmpose_t_a", root)


def test_without_mmpose(tmp_path: Path) -> None:
    """Where it is not installed the error says how to get it."""
    try:
        import mmpose  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match=r"make mmpose.*\.venv-mmpose/bin/sealcap"):
            open_detector("mmpose", mmpose_config="rtmpose-t_a", mmpose_checkpoint=tmp_path / "x.pth")
    else:
        pytest.skip("mmpose is here")
