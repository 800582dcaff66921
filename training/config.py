"""The training configuration: what a YAML file may say, with the meaning of every key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    ValidationError,
    field_validator,
    model_validator,
)

from lifting.errors import ConfigError
from lifting.mistake import first_mistake
from lifting.models import Option
from training.bodies import BodyVariety
from training.cameras import CameraVariety
from training.detector_noise import DetectorNoise
from training.losses import LOSSES, ON_MOTION, LossTerm, loss_term
from training.losses.critic import CriticConfig
from training.losses.seal import SealConfig
from training.yaml_file import read_yaml


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class CorpusConfig(_Section):
    """Which motion is learned."""

    folder: Path
    """Folder of the corpus; relative paths start at the configuration file's folder."""
    name: str = "cmu"
    """Files are `<name>_<split>.npz`. Only of kind motion."""
    kind: Literal["motion", "h36m", "3dhp", "h3wb"] = "motion"
    """motion: bodies of a motion corpus, filmed and detected synthetically. The others are benchmark data
    sets (docs/datasets.md) in their published screen coordinates; `body`, `camera`, `detector` and gravity
    are not used with them, and the network cannot be used live."""
    input: Literal["gt", "cpn", "sh"] = "gt"
    """2D input of h36m: projected truth, or detections of fine-tuned CPN or stacked hourglass networks."""
    confidence: bool = False
    """Benchmarks: whether the network gets confidences beside x and y. MotionAGFormer was published with
    them; `sh`, which does not know the neck, needs them. Those of gt and cpn are all 1."""
    hold_out: bool = True
    """Benchmarks: keep a subject (h3wb: a fifth) out of training, to choose settings on. With false, all of
    the official training data are learned, as for published tables, and validation means nothing."""

    @model_validator(mode="after")
    def _has_input(self) -> CorpusConfig:
        if self.input != "gt" and self.kind != "h36m":
            raise ValueError(f"{self.kind} has no 2D input {self.input}; leave corpus.input out")
        return self


class ModelConfig(_Section):
    """Which network."""

    backbone: str = "temporal_conv"
    """A name in lifting.models.BACKBONES."""
    window: int = Field(default=9, ge=1, le=243)
    """Frames at `fps` that the network sees."""
    options: dict[str, Option] = {}
    """Arguments of the backbone itself."""


class OptimiserConfig(_Section):
    """How long and how fast."""

    steps: int = Field(ge=1)
    """Gradient steps; windows seen = steps × batch."""
    batch: int = Field(ge=2)
    """Windows per step."""
    pairs: float = Field(default=0.33, ge=0, le=1)
    """Share of the batch that is also answered in the frames before, for losses on motion. Backbones that
    answer every frame of the window do not need it."""
    clip_frames: int = Field(default=2, ge=2, le=81)
    """Consecutive frames answered in that share."""
    learning_rate: float = Field(default=1.2e-3, gt=0)
    """Peak, reached after `warmup`, falling to 1 % along a cosine."""
    warmup: int = Field(default=200, ge=0)
    """Steps of linear rise."""
    weight_decay: float = Field(default=0.02, ge=0)
    """Of AdamW."""
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient."""
    ema: float = Field(default=0.998, ge=0, lt=1)
    """Decay of the running mean of the weights, which is what gets exported."""
    bf16: bool = True
    """Compute the backbone in bfloat16; falls back to float32 by itself where the CPU has no such unit."""


class TrainingConfig(_Section):
    """One training run."""

    name: str
    """What the run is called: its folder, its exported model."""
    seed: int = 1
    """Every random number of the run follows from it and the step."""
    gravity_known: float = Field(default=0.5, ge=0, le=1)
    """Share of windows in which the network is told where gravity points."""
    gravity_sd_deg: tuple[PositiveFloat, PositiveFloat] = (0.7, 20.0)
    """Range of that direction's standard deviation, logarithmic, of which the network is told, too
    (`lifting.camera.gravity_trust`): a camera's own estimate can then be told however rough it is."""
    start_from: Path | None = None
    """Checkpoint of an earlier training of the same network that this one goes on from, with steps, learning
    rate and data of its own; relative paths start at the configuration file's folder."""
    checkpoint_every: int = Field(default=500, ge=1)
    """Steps between checkpoints; a killed run continues from the last one."""
    validate_every: int = Field(default=2000, ge=1)
    """Steps between validations."""
    corpus: CorpusConfig
    model: ModelConfig = ModelConfig()
    body: BodyVariety = BodyVariety()
    camera: CameraVariety = CameraVariety()
    detector: DetectorNoise = DetectorNoise()
    losses: dict[str, float | dict[str, float | bool]]
    """Weight of each loss, or its weight and options: {weight: 1.0, tie_m: 0.01}."""
    seal: SealConfig | None = None
    """SEAL-pose: a learned loss."""
    critic: CriticConfig | None = None
    """An adversarial critic, the control beside SEAL."""
    optimiser: OptimiserConfig

    @field_validator("losses")
    @classmethod
    def _known_losses(cls, losses: dict[str, Any]) -> dict[str, Any]:
        if not losses:
            raise ValueError(f"at least one loss is needed; there are {', '.join(LOSSES)}")
        for name, value in losses.items():
            loss_term(name, value)
        return losses

    def loss_terms(self) -> dict[str, LossTerm]:
        """What `losses` says, ready to be computed."""
        return {name: loss_term(name, value) for name, value in self.losses.items()}

    @property
    def needs_clips(self) -> bool:
        """Whether a loss looks at several frames in a row."""
        return bool(ON_MOTION & set(self.losses)) or bool(self.seal and self.seal.pair_weight)


def load_config(path: Path) -> TrainingConfig:
    """Read and check a training configuration. Raises ConfigError naming the key and what would be right."""
    raw = read_yaml(path, "training configuration", "configs/lifter.yaml")
    config = parse_config(raw, str(path))
    corpus = config.corpus.model_copy(update={"folder": path.parent / config.corpus.folder.expanduser()})
    start = None if config.start_from is None else path.parent / config.start_from.expanduser()
    return config.model_copy(update={"corpus": corpus, "start_from": start})


def config_record(config: TrainingConfig) -> dict[str, Any]:
    """The configuration as plain data, without the folders of the training machine."""
    record = config.model_dump(mode="json")
    record["corpus"].pop("folder")
    if config.start_from is not None:
        record["start_from"] = "/".join(config.start_from.parts[-2:])  # the run and its checkpoint
    return record


def parse_config(raw: dict[str, object], where: str) -> TrainingConfig:
    """Check plain data, `where` being its origin for messages. Raises ConfigError."""
    try:
        return TrainingConfig.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        valid = _siblings(first["loc"]) if first["type"] == "extra_forbidden" else ""
        raise ConfigError(f"{where}: {first_mistake(error)}.{valid}") from error


def _siblings(location: tuple[int | str, ...]) -> str:
    """' Valid keys: ...' of the section in which an unknown key was found."""
    section: type[BaseModel] = TrainingConfig
    for part in location[:-1]:
        annotation = section.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ""
        section = annotation
    return f" Valid keys: {', '.join(section.model_fields)}."
