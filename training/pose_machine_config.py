"""What a YAML file with `kind: pose_machine` may say: training of the corrector and the projector."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifting.camera import DEFAULT_FOV_DEG
from lifting.errors import ConfigError
from lifting.mistake import first_mistake
from training.bodies import BodyVariety
from training.cameras import CameraVariety
from training.config import CorpusConfig, OptimiserConfig, TrainingConfig
from training.detector_noise import DetectorNoise
from training.yaml_file import read_yaml

KIND = "pose_machine"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class IntermediateConfig(_Section):
    """Where the poses come from that C corrects."""

    lifter: Path | None = None
    """A trained lifter, which stays as it is: a checkpoint of `sealcap train` (.safetensors) or an exported
    one (.onnx); relative to the configuration file. None: true poses of the corpus, made wrong as below."""
    window: int = Field(default=9, ge=1, le=243)
    """Frames that are observed where there is no lifter to say so."""
    direction_sd: float = Field(default=0.15, ge=0)
    """Without a lifter: error of each bone across the viewing direction, in bone lengths."""
    depth_sd: float = Field(default=0.3, ge=0)
    """The same along the viewing direction, where lifters are worse."""


class UnlabelledConfig(_Section):
    """Examples with 2D alone, whose 3D is never looked at."""

    share: float = Field(default=0.375, ge=0, lt=1)
    """Of each batch; 3 of 8 as published."""
    detections: Path | None = None
    """Folder of .npz with 2D detections of real videos (`training.evaluate.load_detections`), relative to the
    configuration file; needs a lifter. None: synthetic observations of the corpus without their truth."""
    fov_deg: float = Field(default=DEFAULT_FOV_DEG, ge=10, le=150)
    """Field of view of the cameras of those videos."""


class LossWeights(_Section):
    """Weights of the losses; all 1 as published."""

    pose_3d: float = Field(default=1.0, ge=0)
    """½ Σ |p̃ − p*|², in the units of the range tables (0..1)."""
    bone_3d: float = Field(default=1.0, ge=0)
    """½ Σ |bone(p̃) − bone(p*)|², the same units."""
    projection: float = Field(default=1.0, ge=0)
    """½ Σ |û − u|² over seen joints, crop units; the only one that unlabelled examples have."""


class StageConfig(_Section):
    """One stage of training, with a fresh Adam of constant rate."""

    steps: int = Field(ge=1)
    """Gradient steps."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Of every layer but the two below."""
    corrector_head: float = Field(default=1.0, gt=0)
    """Factor of the rate of C's last layer."""
    projector_head: float = Field(default=1.0, gt=0)
    """Factor of the rate of P's last layer."""
    bone_2d: float = Field(default=0.0, ge=0)
    """Weight of ½ Σ |bone(û) − bone(u)|² over seen joints."""
    joint_mask: float = Field(default=0.0, ge=0, le=0.5)
    """Chance that a joint of the intermediate pose is zeroed before C."""
    trunk_mask: float = Field(default=0.0, ge=0, le=0.5)
    """The same for the middle of the trunk and the head, which 2D and 3D data define differently."""


class PoseMachineConfig(_Section):
    """One training run of C and P."""

    kind: Literal["pose_machine"]
    name: str
    """What the run is called: its folder."""
    seed: int = 1
    """Every random number of the run follows from it and the step."""
    gravity_known: float = Field(default=0.5, ge=0, le=1)
    """Share of windows in which the lifter is told where gravity points."""
    checkpoint_every: int = Field(default=500, ge=1)
    """Steps between checkpoints; a killed run continues from the last one."""
    validate_every: int = Field(default=1000, ge=1)
    """Steps between validations."""
    corpus: CorpusConfig
    body: BodyVariety = BodyVariety()
    camera: CameraVariety = CameraVariety()
    detector: DetectorNoise = DetectorNoise()
    intermediate: IntermediateConfig = IntermediateConfig()
    unlabelled: UnlabelledConfig = UnlabelledConfig()
    weights: LossWeights = LossWeights()
    width: int = Field(default=1024, ge=1)
    """Units of the hidden layers of C and P."""
    batch: int = Field(default=256, ge=2)
    """Examples per step."""
    clip: float = Field(default=5.0, gt=0)
    """Largest norm of the gradient."""
    stages: list[StageConfig] = Field(min_length=1)
    """One after the other."""

    @property
    def steps(self) -> int:
        """Gradient steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def data(self) -> TrainingConfig:
        """What the makers of synthetic observations want to know."""
        return TrainingConfig(
            name=self.name,
            seed=self.seed,
            gravity_known=self.gravity_known,
            corpus=self.corpus,
            body=self.body,
            camera=self.camera,
            detector=self.detector,
            losses={"joint": 1.0},
            optimiser=OptimiserConfig(steps=self.steps, batch=self.batch),
        )


def is_pose_machine(path: Path) -> bool:
    """Whether the YAML file says `kind: pose_machine`; False for one that cannot be read."""
    try:
        return bool(_read(path).get("kind") == KIND)
    except ConfigError:
        return False


def load_pose_machine_config(path: Path) -> PoseMachineConfig:
    """Read and check a configuration. Raises ConfigError naming the key and what would be right."""
    try:
        config = PoseMachineConfig.model_validate(_read(path))
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_mistake(error)}. See configs/pose_machine.yaml.") from error
    if config.unlabelled.detections is not None and config.intermediate.lifter is None:
        raise ConfigError(
            f"{path}: unlabelled.detections needs a lifter, for there is no true pose to start from. "
            f"Set intermediate.lifter."
        )
    return _placed(config, path.parent)


def _placed(config: PoseMachineConfig, folder: Path) -> PoseMachineConfig:
    """Paths relative to the configuration file's folder made findable."""

    def place(path: Path | None) -> Path | None:
        return None if path is None else folder / path.expanduser()

    corpus = config.corpus.model_copy(update={"folder": place(config.corpus.folder)})
    lifter = config.intermediate.model_copy(update={"lifter": place(config.intermediate.lifter)})
    unlabelled = config.unlabelled.model_copy(update={"detections": place(config.unlabelled.detections)})
    return config.model_copy(update={"corpus": corpus, "intermediate": lifter, "unlabelled": unlabelled})


def _read(path: Path) -> dict[str, Any]:
    return read_yaml(path, "training configuration", "configs/pose_machine.yaml")
