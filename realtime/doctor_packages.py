"""What `sealcap doctor` says about libraries: missing ones, twins that overwrite each other, the engine."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from lifting.errors import SealcapError
from realtime.doctor_check import Check, Grade

PACKAGES = ("sealcap", "numpy", "opencv-python", "onnx", "mcap", "msgspec", "pyzmq", "python-osc", "viser")
RUNTIMES = ("onnxruntime", "onnxruntime-gpu")


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
    return Check("runtime", Grade.OK, f"{found[0]}, {_openvino()}")


def _openvino() -> str:
    """What `--detector.backend auto` comes to here."""
    number = installed("openvino")
    if number is None:
        return "no openvino: the detector runs in fp32"
    try:
        from lifting.runtime.openvino import computes_bf16

        able = computes_bf16()
    except SealcapError as error:
        return f"openvino {number}: {error}"
    what = "runs the detector in bf16" if able else "not used, as this processor has no units for bf16"
    return f"openvino {number} {what}"


def installed(distribution: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
