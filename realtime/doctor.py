"""What `sealcap doctor` looks at. Every check is a function that returns its finding and never raises."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path

import numpy as np

from lifting.errors import SealcapError
from lifting.skeleton import BODY21
from realtime.paths import cache_dir, weights_dir

PACKAGES = ("sealcap", "numpy", "opencv-python", "onnx", "mcap", "msgspec", "pyzmq", "python-osc", "viser")
RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
NEEDED_MODELS = frozenset({"blazepose-heavy", "blazepose-search"})
"""What `sealcap run` uses when nothing else is said."""
LIFTER_BUDGET_MS = 2.0
LIFTER_LIMIT_MS = 8.0
"""Beyond this the lifter takes a quarter of a frame at 30 fps."""
WEB_PORT, ZMQ_PORT, OSC_PORT = 8080, 5570, 39570
FREE_WARN_BYTES, FREE_FAIL_BYTES = 2 << 30, 100 << 20
WRITE_BYTES = 16 << 20
SLOW_WRITE_MB_S = 5.0
"""A session file needs far less than 1 MB/s; a disk this slow stalls all the same."""
COARSE_CLOCK_S = 2e-3


class Grade(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    """Works, but something is missing or slow."""
    FAIL = "fail"
    """`sealcap run` cannot work as things are."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding."""

    name: str
    grade: Grade
    detail: str
    fix: str = ""
    """What to do about it; empty when fine."""


def run_checks() -> list[Check]:
    """All findings, in the order in which a newcomer should read them."""
    checks: tuple[Callable[[], Check], ...] = (
        check_system,
        check_packages,
        check_runtime,
        check_cores,
        check_clock,
        check_models,
        check_lifter,
        check_cameras,
        check_web_port,
        check_zmq_port,
        check_osc,
        check_disk,
        check_gpu,
    )
    return [check() for check in checks]


def first_to_fix(checks: Iterable[Check]) -> Check | None:
    """The first failure; None when everything needed works."""
    return next((check for check in checks if check.grade is Grade.FAIL), None)


def check_system() -> Check:
    """Python and operating system."""
    detail = f"Python {platform.python_version()} on {platform.platform(terse=True)} {platform.machine()}"
    return Check("system", Grade.OK, detail)


def check_packages() -> Check:
    """Versions of the libraries, and twins that overwrite each other."""
    found = {name: installed(name) for name in PACKAGES}
    detail = ", ".join(f"{name} {number or 'missing'}" for name, number in found.items())
    missing = [name for name, number in found.items() if number is None]
    if missing:
        return Check(
            "packages", Grade.FAIL, detail, f"Install what is missing: pip install {' '.join(missing)}"
        )
    if installed("opencv-python-headless"):
        fix = "Both overwrite each other: pip uninstall opencv-python-headless, then reinstall opencv-python."
        return Check("packages", Grade.WARN, f"{detail}, opencv-python-headless beside it", fix)
    if installed("realtime"):
        fix = "It has the same import name as ours; use an environment of its own for one of the two."
        return Check("packages", Grade.WARN, f"{detail}, and a distribution called realtime", fix)
    return Check("packages", Grade.OK, detail)


def check_runtime() -> Check:
    """The engine that runs the networks."""
    found = [f"{name} {number}" for name in RUNTIMES if (number := installed(name))]
    if not found:
        return Check("runtime", Grade.FAIL, "onnxruntime is missing", "Type: pip install 'sealcap[cpu]'")
    if len(found) > 1:
        fix = "They share one module: pip uninstall onnxruntime, then reinstall onnxruntime-gpu."
        return Check("runtime", Grade.WARN, ", ".join(found), fix)
    return Check("runtime", Grade.OK, found[0])


def check_cores() -> Check:
    """Processor cores this process may use."""
    # Containers and taskset grant fewer than the machine has; only Linux tells.
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    detail = f"{count} core{'s' if count > 1 else ''}"
    if count < 2:
        return Check("cores", Grade.WARN, detail, "One core will not reach 30 fps; try: --config fast")
    return Check("cores", Grade.OK, detail)


def check_clock() -> Check:
    """Smallest step of the clock that stamps frames."""
    ticks = [time.monotonic_ns() for _ in range(2000)]
    step_s = (
        min((b - a for a, b in pairwise(ticks) if b > a), default=0) / 1e9
        or time.get_clock_info("monotonic").resolution
    )
    detail = f"time stamps in steps of {step_s * 1e6:.3g} µs"
    if step_s > COARSE_CLOCK_S:
        return Check(
            "clock", Grade.WARN, detail, "Latency figures will be coarse; Python 3.13 is finer here."
        )
    return Check("clock", Grade.OK, detail)


def check_models() -> Check:
    """Downloaded detectors and the demo clip."""
    from realtime.models.store import listing

    try:
        models = listing()
    except SealcapError as error:
        return Check("models", Grade.FAIL, str(error), "Type: sealcap models pull")
    here = [model.name for model in models if model.bytes is not None]
    away = [model.name for model in models if model.bytes is None]
    detail = f"here: {', '.join(here) or 'none'}; not pulled: {', '.join(away) or 'none'} ({cache_dir()})"
    lacking = sorted(NEEDED_MODELS.intersection(away))
    if lacking:
        return Check("models", Grade.FAIL, detail, f"Fetch {' and '.join(lacking)}: sealcap models pull")
    return Check("models", Grade.OK, detail)


def check_lifter() -> Check:
    """The packaged lifter: present, loadable, and how long one pose takes."""
    paths = sorted(weights_dir().glob("lifter-*.onnx"))
    if not paths:
        fix = "The package is incomplete; install it again, or train one: sealcap train --help"
        return Check("lifter", Grade.FAIL, f"no lifter in {weights_dir()}", fix)
    try:
        times_ms = {path.stem.removeprefix("lifter-"): _lifter_ms(path) for path in paths}
    except SealcapError as error:
        return Check("lifter", Grade.FAIL, str(error), "Install the package again.")
    detail = ", ".join(f"{name} {value:.2f} ms a pose" for name, value in times_ms.items())
    if min(times_ms.values()) > LIFTER_LIMIT_MS:
        return Check("lifter", Grade.WARN, detail, "This machine is slow or busy; close other programs.")
    return Check("lifter", Grade.OK, f"{detail} (budget {LIFTER_BUDGET_MS:.0f} ms)")


def check_cameras() -> Check:
    """Cameras that the system lists."""
    from realtime.sources.devices import hint, list_cameras

    cameras = list_cameras()
    if not cameras:
        return Check("cameras", Grade.WARN, "none found; videos and `sealcap demo` work without", hint())
    return Check("cameras", Grade.OK, ", ".join(f"{camera.index}: {camera.name}" for camera in cameras))


def check_web_port() -> Check:
    """Whether the page can listen where it does by default."""
    fix = f"Choose another with --web-port, for example --web-port {WEB_PORT + 1}."
    return _port_check("page port", WEB_PORT, fix)


def check_zmq_port() -> Check:
    """Whether ZeroMQ can listen where it does by default."""
    fix = f"Choose another with --zmq, for example --zmq tcp://127.0.0.1:{ZMQ_PORT + 1}."
    return _port_check("ZeroMQ port", ZMQ_PORT, fix)


def check_osc() -> Check:
    """Whether a program on this machine waits for OSC. None does until a receiver is started."""
    listens = not port_free(OSC_PORT, socket.SOCK_DGRAM)
    who = "a program listens there" if listens else "nobody listens there yet"
    return Check("OSC", Grade.OK, f"sends to 127.0.0.1:{OSC_PORT}; {who}")


def check_disk() -> Check:
    """Room and writing speed of the current folder, where sessions go."""
    folder = Path.cwd()
    try:
        free = shutil.disk_usage(folder).free
        if free < FREE_FAIL_BYTES:
            return Check(
                "disk", Grade.FAIL, f"{free / 1e6:.0f} MB free in {folder}", "Make room on this disk."
            )
        speed = _write_mb_per_s(folder)
    except OSError as error:
        fix = "Change to a folder that you may write to, or record to one: --record FOLDER/FILE.mcap"
        return Check("disk", Grade.WARN, f"{folder} cannot be written: {error.strerror}", fix)
    detail = f"{free / 1e9:.1f} GB free, writes {speed:.0f} MB/s in {folder}"
    if free < FREE_WARN_BYTES:
        return Check("disk", Grade.WARN, detail, "Make room: long recordings may not fit.")
    if speed < SLOW_WRITE_MB_S:
        return Check("disk", Grade.WARN, detail, "Record to a faster disk: --record FOLDER/FILE.mcap")
    return Check("disk", Grade.OK, detail)


def check_gpu() -> Check:
    """Graphics engines, for information: none is needed."""
    from realtime.gpu_doctor import chain, describe_chain, describe_engines, describe_gpu

    parts = (describe_gpu(), describe_chain(chain()), describe_engines())
    return Check("GPU", Grade.OK, "; ".join(parts))


def installed(distribution: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def port_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Whether somebody could listen on this port of loopback now."""
    from realtime.web.server import probe

    try:
        probe("127.0.0.1", port, kind)
    except OSError:
        return False
    return True


def _port_check(name: str, port: int, fix: str) -> Check:
    if port_free(port):
        return Check(name, Grade.OK, f"{port} is free")
    return Check(name, Grade.WARN, f"{port} is taken by another program", fix)


def _lifter_ms(path: Path) -> float:
    from lifting.lifter import Lifter

    lifter = Lifter.load(path)
    window = np.zeros((1, lifter.window_length, len(BODY21), 3), np.float32)
    times: list[float] = []
    for _ in range(30):
        begin = time.perf_counter()
        lifter.lift(window)
        times.append((time.perf_counter() - begin) * 1e3)
    return float(np.median(times[5:]))


def _write_mb_per_s(folder: Path) -> float:
    block = os.urandom(1 << 20)  # zeros would be stored as nothing by some file systems
    with tempfile.TemporaryFile(dir=folder) as file:
        begin = time.perf_counter()
        for _ in range(WRITE_BYTES // len(block)):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        return WRITE_BYTES / 1e6 / max(time.perf_counter() - begin, 1e-6)
