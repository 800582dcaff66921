"""Which networks make the poses of a run, by hash: what a recording needs to be understood later."""

from __future__ import annotations

import hashlib
from pathlib import Path

from realtime.config import DetectorConfig
from realtime.detectors.factory import detector_models
from realtime.models import store


def network_hashes(detector: DetectorConfig, lifter: Path) -> dict[str, str]:
    """Name → SHA-256 of the files there are; what is missing will be complained about where it is opened."""
    names = detector_models(detector.kind, detector.variant, detector.model, detector.search)
    files = {name: store.path_of(name) for name in names}
    if detector.model is not None and detector.model not in files:
        files[Path(detector.model).name] = Path(detector.model)
    for own in (detector.search, detector.mmpose_checkpoint):
        if own is not None and str(own) not in files:
            files[Path(own).name] = Path(own)
    files[f"lifter {lifter.name}"] = lifter
    return {name: _sha256(path) for name, path in files.items() if path.is_file()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
