"""What `sealcap doctor` looks at. Every check is a function that returns its finding and never raises."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from lifting.errors import SealcapError
from lifting.skeleton import BODY21
from realtime import doctor_cameras
from realtime.camera_probe import GIVE_UP_S
from realtime.doctor_check import Check, Grade, within
from realtime.doctor_packages import check_packages, check_runtime
from realtime.paths import cache_dir, weights_dir

NEEDED_MODELS = frozenset({"blazepose-heavy", "blazepose-search"})
"""What `sealcap run` uses when nothing else is said."""
LIFTER_BUDGET_MS = 2.0
LIFTER_LIMIT_MS = 8.0
"""Beyond this the lifter takes a quarter of a frame at 30 fps."""
OSC_PORT = 39570


@dataclass(frozen=True)
class Port:
    """Something that we listen on."""

    what: str
    option: str
    """What to type to have it elsewhere."""
    kind: socket.SocketKind = socket.SOCK_STREAM


PORTS = {
    8080: Port("page", "--web-port 8081"),
    5570: Port("ZeroMQ", "--zmq tcp://127.0.0.1:5580"),
    5571: Port("robot", "--robot-out tcp://127.0.0.1:5581"),
    5572: Port("robot control", "--robot-control tcp://127.0.0.1:5582"),
    8765: Port("Foxglove", "--foxglove 8766"),
    39540: Port("VMC commands", "--vmc-commands 39541", socket.SOCK_DGRAM),
}
FIREWALLS = {
    "ufw": "let in TCP 8080 and 5570: sudo ufw allow 8080,5570/tcp",
    "firewall-cmd": "let in TCP 8080 and 5570: sudo firewall-cmd --add-port=8080/tcp --add-port=5570/tcp",
    "win32": "say yes where Windows asks about Python, for private networks",
    "darwin": "say yes where macOS asks about incoming connections",
}
CAMERAS_LIMIT_S = doctor_cameras.MOST * (GIVE_UP_S + 1)
FREE_WARN_BYTES, FREE_FAIL_BYTES = 2 << 30, 100 << 20
WRITE_BYTES = 16 << 20
SLOW_WRITE_MB_S = 5.0
"""A session file needs far less than 1 MB/s; a disk this slow stalls all the same."""
COARSE_CLOCK_S = 2e-3


def run_checks(camera: int | None = None, tell: Callable[[str], None] = lambda _name: None) -> list[Check]:
    """All findings; `camera` looks at that one only. `tell` hears what is looked at now. Never hangs."""
    cameras = partial(doctor_cameras.check_cameras, camera)
    looks: dict[str, Callable[[], list[Check]]] = {
        name: partial(_one, check) for name, check in _checks().items()
    }
    found: list[Check] = []
    for name, look in looks.items():
        tell(name)
        found += within(name, look)
        if name == "lifter":
            tell("cameras")
            found += within("cameras", cameras, CAMERAS_LIMIT_S)
    return found


def _one(check: Callable[[], Check]) -> list[Check]:
    return [check()]


def _checks() -> dict[str, Callable[[], Check]]:
    """Name → check, in the order in which a newcomer should read the findings."""
    return {
        "system": check_system,
        "packages": check_packages,
        "runtime": check_runtime,
        "cores": check_cores,
        "clock": check_clock,
        "models": check_models,
        "lifter": check_lifter,
        "ports": check_ports,
        "OSC": check_osc,
        "network": check_network,
        "disk": check_disk,
        "GPU": check_gpu,
    }


def first_to_fix(checks: Iterable[Check]) -> Check | None:
    """The first failure; None when everything needed works."""
    return next((check for check in checks if check.grade is Grade.FAIL), None)


def check_system() -> Check:
    """Python, its environment, and the operating system."""
    bits = 64 if sys.maxsize > 1 << 32 else 32
    where = f"environment {sys.prefix}" if sys.prefix != sys.base_prefix else f"no environment ({sys.prefix})"
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    detail = f"Python {platform.python_version()}, {where}; {system}"
    if bits == 32:
        return Check("system", Grade.FAIL, detail, "This Python has 32 bits; install one with 64.")
    return Check("system", Grade.OK, detail)


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


def check_ports() -> Check:
    """Whether all we listen on by default is free."""
    taken = {port: use for port, use in PORTS.items() if not port_free(port, use.kind)}
    if not taken:
        return Check("ports", Grade.OK, f"free: {', '.join(f'{p} ({u.what})' for p, u in PORTS.items())}")
    detail = f"taken by other programs: {', '.join(f'{p} ({u.what})' for p, u in taken.items())}"
    fix = "Another run of Sealcap? Else choose others: " + " ".join(u.option for u in taken.values())
    return Check("ports", Grade.WARN, detail, fix)


def check_osc() -> Check:
    """Whether a program on this machine waits for OSC. None does until a receiver is started."""
    listens = not port_free(OSC_PORT, socket.SOCK_DGRAM)
    who = "a program listens there" if listens else "nobody listens there yet"
    return Check("OSC", Grade.OK, f"sends to 127.0.0.1:{OSC_PORT}; {who}")


def check_network() -> Check:
    """Which firewall there is, and what it must let in where other machines are to connect."""
    let_in = FIREWALLS.get(_firewall(), "let in TCP 8080 and 5570 in your firewall")
    detail = f"nothing is needed on this machine alone; for --lan, {let_in}"
    return Check("firewall", Grade.OK, f"{detail} (docs/security.md)")


def _firewall() -> str:
    if sys.platform in ("win32", "darwin"):
        return sys.platform
    return next((name for name in ("ufw", "firewall-cmd") if shutil.which(name)), "")


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


def port_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Whether somebody could listen on this port of loopback now."""
    from realtime.web.server import probe

    try:
        probe("127.0.0.1", port, kind)
    except OSError:
        return False
    return True


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
