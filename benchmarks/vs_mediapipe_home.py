"""MediaPipe 0.10.21 in an environment of its own, `.venv-mediapipe`, made when missing.

It cannot share ours: it wants an older protobuf than onnx does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lifting.errors import DownloadError
from realtime.models.catalogue import Package, catalogue
from realtime.models.fetch import check_hash, extract, fetch, work_folder
from realtime.paths import cache_dir

HOME = Path(__file__).resolve().parent.parent / ".venv-mediapipe"
PEER = "mediapipe==0.10.21"
NEEDS = (
    "absl-py",
    "attrs",
    "protobuf<5,>=4.25.3",
    "flatbuffers",
    "matplotlib",
    "opencv-contrib-python-headless",
    "numpy",
)
"""What Pose needs of MediaPipe's requirements, without the large rest (jax, sounddevice)."""
PYTHONS = ((3, 9), (3, 12))
"""First and last version of Python that this release has wheels for."""


class PeerMissingError(Exception):
    """MediaPipe cannot be installed here; the text says why."""


def peer_python(base: str | None = None) -> Path:
    """The Python with MediaPipe in it; made with the Python `base`, or one that fits.

    Raises PeerMissingError where it cannot be made.
    """
    python = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.is_file():
        _run([base or fitting_python(sys.version_info[:2]), "-m", "venv", str(HOME)])
    heavy = _heavy_file(python)
    if not heavy.is_file():  # copied last: where it lies, everything lies
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--no-deps", PEER])
        _run([*pip, *NEEDS])
        heavy.write_bytes(_heavy_network())
    return python


def fitting_python(own: tuple[int, int]) -> str:
    """This Python (version `own`) where MediaPipe has a wheel for it, else another.

    Raises PeerMissingError where there is none.
    """
    if PYTHONS[0] <= own <= PYTHONS[1]:
        return sys.executable
    for name in ("python3.12", "python3.11"):
        if (found := shutil.which(name)) is not None:
            return found
    raise PeerMissingError(
        f"{PEER} has no wheel for Python {own[0]}.{own[1]}, and there is no python3.12 or python3.11."
    )


def peer_version(python: Path) -> str:
    """Of MediaPipe, as installed."""
    return _run([str(python), "-c", "from importlib.metadata import version; print(version('mediapipe'))"])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PeerMissingError(f"{PEER} cannot be installed: {last}")
    return done.stdout.strip()


def _heavy_file(python: Path) -> Path:
    """Where MediaPipe looks for the heavy network, which its wheel leaves out."""
    folder = _run([str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"])
    return Path(folder) / "mediapipe" / "modules" / "pose_landmark" / "pose_landmark_heavy.tflite"


def _heavy_network() -> bytes:
    """The network as its authors ship it, which the store keeps only converted."""
    entry = catalogue().models["blazepose-heavy"]
    package = catalogue().packages[entry.package]
    ((member, sha256),) = entry.members.items()
    assert isinstance(package, Package)
    assert sha256 is not None
    try:
        with work_folder(cache_dir()) as folder:
            data = extract(fetch(package, folder), [member])[member]
    except DownloadError as error:
        raise PeerMissingError(f"MediaPipe's heavy network cannot be fetched: {error}") from error
    check_hash(member, data, sha256)
    return data
