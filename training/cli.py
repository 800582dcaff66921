"""The training verbs of the command line: train, evaluate, export."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import FlagCreatePairsOff, Positional, arg

from lifting.camera import DEFAULT_FOV_DEG, gravity_from_pitch
from lifting.errors import ConfigError
from lifting.export import export_lifter
from lifting.lifter import Lifter
from lifting.metadata import LifterMetadata
from lifting.models.ray_lifter import RayLifter
from training.checkpoint import Checkpoint, load_checkpoint, load_weights
from training.config import config_record, load_config
from training.corpus import load_corpus
from training.distributed import first_process
from training.evaluate import evaluate_synthetic, lift_folder
from training.material import Lifter as AnyLifter
from training.material import score
from training.occlusion import evaluate_occluded
from training.plausibility import score_plausibility
from training.pose_machine import train_pose_machine
from training.pose_machine_config import is_pose_machine, load_pose_machine_config
from training.score_tables import occlusion_table, plausibility_table, score_table
from training.trainer import make_lifter
from training.trainer import train as run_training

DATA_LICENCES = {
    "CMU Graphics Lab Motion Capture Database": (
        "Free for research and commercial use; not to be resold directly, even in converted form. The data "
        "used in this project was obtained from mocap.cs.cmu.edu. The database was created with funding from "
        "NSF EIA-0196217."
    )
}
CORPUS_FPS = 30.0
Folder = Annotated[Path | None, arg(metavar="DIR")]
Switch = Annotated[bool, FlagCreatePairsOff]


def train(config: Positional[Path], out: Folder = None, restart: Switch = False) -> None:
    """Train a lifter as CONFIG (a YAML file, see configs/lifter.yaml) says.

    Progress, curves for TensorBoard and checkpoints go into the folder OUT, by default runs/NAME. Called
    again after an interruption, it continues where it stopped; --restart begins anew. A CONFIG of
    `kind: pose_machine` (configs/pose_machine.yaml) trains a corrector and a projector behind a lifter.

    Args:
        config: The YAML file.
        out: Folder of the run.
        restart: Begin anew, and lose what the folder holds.
    """
    if is_pose_machine(config):
        _train_pose_machine(config, out, restart)
        return
    settings = load_config(config)
    folder = out or Path("runs") / settings.name
    done = run_training(settings, folder, restart=restart)
    if not first_process():
        return
    console = Console()
    console.print(score_table(done.validation, "validation"))
    checkpoint = folder / "checkpoint.safetensors"
    if settings.corpus.kind == "motion":
        console.print(f"Export it with: sealcap export {checkpoint} {settings.name}.onnx")
    else:
        console.print(f"Score it on the test subjects with: sealcap evaluate {checkpoint}")


def _train_pose_machine(config: Path, out: Path | None, restart: bool) -> None:
    settings = load_pose_machine_config(config)
    folder = out or Path("runs") / settings.name
    done = train_pose_machine(settings, folder, restart=restart)
    Console().print(score_table(done.validation, "validation"))


def evaluate(
    checkpoint: Positional[Path],
    split: str = "test",
    detections: Folder = None,
    out: Folder = None,
    fov: float = DEFAULT_FOV_DEG,
    camera_pitch: float | None = None,
    occlusion: Switch = False,
    energy: Switch = False,
) -> None:
    """Measure a lifter.

    CHECKPOINT is a training checkpoint, measured on the synthetic observations of one SPLIT of its corpus,
    with --occlusion also while joints are hidden on purpose, with --energy also by SEAL's loss-net, which the
    checkpoint keeps; or, with --detections FOLDER --out FOLDER, an exported .onnx, whose 3D poses for every
    clip of 2D detections are written to OUT.

    Args:
        checkpoint: The .safetensors of a training, or an exported .onnx.
        split: Which part of the corpus: train, val or test.
        detections: Folder with clips of 2D detections (docs/training.md).
        out: With --detections: folder for the 3D poses.
        fov: Degrees that the camera of those clips sees along the longer image side.
        camera_pitch: Degrees it looks down.
        occlusion: Also with joints hidden on purpose.
        energy: Also by SEAL's loss-net.
    """
    if detections is not None and (occlusion or energy):
        raise ConfigError(
            "Real detections have no truth to compare with: leave out --occlusion and --energy, or "
            "--detections."
        )
    if detections is not None:
        gravity = None if camera_pitch is None else gravity_from_pitch(camera_pitch)
        folder = out or Path("out") / checkpoint.stem
        with _busy("lifting every clip"):
            lifter = Lifter.load(checkpoint)
            clips = lift_folder(lifter, detections, folder, fov_deg=fov, gravity_cam=gravity)
        Console().print(f"{len(clips)} clips lifted into {folder}")
        return
    trained = load_checkpoint(checkpoint)
    corpus, console = trained.config.corpus, Console()
    if corpus.kind != "motion":
        if occlusion or energy:
            raise ConfigError(f"--occlusion and --energy need a motion corpus, not {corpus.kind}.")
        with _busy(f"measuring on {split}"):
            scores = score(averaged_lifter(trained), trained.config, split)
        console.print(score_table(scores, split))
        return
    held_out = load_corpus(corpus.folder, corpus.name, split)
    live = live_lifter(trained)
    with _busy(f"measuring on {split}"):
        scores = evaluate_synthetic(live, held_out, trained.config)
    console.print(score_table(scores, split))
    if occlusion:
        with _busy("measuring with joints hidden"):
            rows = evaluate_occluded(live, held_out, trained.config)
        console.print(occlusion_table(rows, f"{split}, joints hidden on purpose"))
    if energy:
        with _busy("asking the loss-net"):
            judged = score_plausibility(trained, held_out)
        console.print(plausibility_table(judged, f"{split}, judged by the loss-net"))


def export(checkpoint: Positional[Path], out: Positional[Path]) -> None:
    """Write a trained lifter as ONNX, with everything a user of it must know inside.

    Args:
        checkpoint: The .safetensors of the training.
        out: The .onnx to write, for `sealcap run --lifter.model`.
    """
    trained = load_checkpoint(checkpoint)
    lifter = live_lifter(trained)
    metadata = LifterMetadata(
        window=trained.config.model.window,
        fps=CORPUS_FPS,
        training=training_summary(trained),
        data_licences=DATA_LICENCES,
    )
    with _busy("exporting, and comparing with torch"):
        difference = export_lifter(lifter, metadata, out)
    Console().print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, within {difference:.1e} m of torch")


def _busy(what: str) -> AbstractContextManager[object]:
    """Something that turns on the terminal while one thing is done that takes a while."""
    return Console(stderr=True).status(f"{what} ...")


def averaged_lifter(checkpoint: Checkpoint) -> AnyLifter:
    """The network of a checkpoint with the running mean of its weights."""
    lifter = make_lifter(checkpoint.config)
    load_weights(lifter, checkpoint.averaged(), checkpoint.joints, lifter.skeleton)
    return lifter.eval()


def live_lifter(checkpoint: Checkpoint) -> RayLifter:
    """The same, for live use. Raises ConfigError when it was trained on a benchmark."""
    lifter = averaged_lifter(checkpoint)
    if not isinstance(lifter, RayLifter):
        raise ConfigError(
            f"A lifter trained on {checkpoint.config.corpus.kind} knows the screens of that data set only; "
            f"it cannot be used live. Train one of corpus.kind motion, or measure this: sealcap evaluate"
        )
    return lifter


def training_summary(checkpoint: Checkpoint) -> dict[str, object]:
    """What the exported file says about its training."""
    optimiser = checkpoint.config.optimiser
    return {
        "config": config_record(checkpoint.config),
        "steps": checkpoint.step,
        "windows": checkpoint.step * optimiser.batch,
        "minutes": round(checkpoint.seconds / 60, 1),
        "validation": checkpoint.validation,
    }
