"""What the command line of `sealcap batch` says, and the hash by which a changed setting is noticed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from lifting.errors import ConfigError
from realtime.build import lifter_path, spread_backend
from realtime.config import OutputConfig, RunConfig
from realtime.provenance import network_hashes
from realtime.takes.formats import FORMATS

MAX_WORKERS = 256


class BatchConfig(RunConfig):
    """Process all videos of a folder, as fast as they go, into sessions and other files."""

    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")] = ""
    """Folder with videos; those in folders below it, too."""
    results: Annotated[Path | None, tyro.conf.arg(name="out", metavar="DIR")] = None
    """Folder for the results, with the same folders below it."""
    format: str = ""
    """Files to make of each session, by their endings: bvh,glb,npz ..."""
    record_video: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Put the video into the session as well."""
    workers: int | None = Field(default=None, ge=1, le=MAX_WORKERS)
    """Videos at a time on this machine; one per processor if empty."""
    ray: str | None = None
    """Address of a ray cluster to work on (HOST:6379, or auto), in place of this machine alone."""
    again: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Do everything anew, also what is finished."""
    out: Annotated[OutputConfig, tyro.conf.Suppress] = OutputConfig()
    max_speed: Annotated[bool, tyro.conf.Suppress] = True
    loop: Annotated[bool, tyro.conf.Suppress] = False
    duration: Annotated[float | None, tyro.conf.Suppress] = None


def formats(config: BatchConfig) -> tuple[str, ...]:
    """`bvh,glb` → ('.bvh', '.glb'). Raises ConfigError for one that there is not."""
    words = [word.strip().lower().lstrip(".") for word in config.format.split(",") if word.strip()]
    for word in words:
        if f".{word}" not in FORMATS:
            known = ", ".join(suffix[1:] for suffix in FORMATS)
            raise ConfigError(f"--format {word}: there is no such format. There are {known}.")
    return tuple(dict.fromkeys(f".{word}" for word in words))


def run_settings(config: BatchConfig, threads: int) -> RunConfig:
    """What each video is run with. Outputs of the configuration file are left out: nobody watches a batch."""
    values = config.model_dump(include=set(RunConfig.model_fields))
    values["out"] = {"record_video": config.record_video, "headless": True}
    values |= {"source": "", "max_speed": True, "loop": False, "duration": None}
    values["detector"]["threads"] = threads
    return spread_backend(RunConfig.model_validate(values))


def settings_hash(run: RunConfig) -> str:
    """Of all that decides the poses: settings, networks, calibration; not of threads, machines or outputs."""
    values = run.model_dump(mode="json", exclude={"source", "config", "out", "device", "backend"})
    for network in ("detector", "lifter"):
        for key in ("threads", "backend", "model"):
            values[network].pop(key, None)
    calibration = run.camera.calibration
    values["camera"]["calibration"] = calibration and hash_file(calibration)
    values["networks"] = sorted(network_hashes(run.detector, lifter_path(run.lifter)).values())
    values["video"] = run.out.record_video
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
