"""Train a tiny lifter, export it, use it: python examples/07_train_tiny_lifter.py CORPUS OUT

CORPUS is the folder that `sealcap data convert` made (docs/data.md). Takes less than a minute and is far from
accurate: a start for experiments. Needs: pip install -e '.[train]'
"""

import sys
from pathlib import Path

import numpy as np

from lifting.lifter import Lifter
from realtime.paths import config_dir
from training.cli import export
from training.config import load_config
from training.trainer import train

corpus, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
config = load_config(config_dir() / "lifter_tiny.yaml")
config = config.model_copy(update={"corpus": config.corpus.model_copy(update={"folder": corpus})})
done = train(config, out)  # called again, it continues where it stopped
print(f"off by {1000 * done.validation['mpjpe_m']:.0f} mm on people it has not seen")

export(out / "checkpoint.safetensors", out / "tiny.onnx")
lifter = Lifter.load(out / "tiny.onnx")
window = np.zeros((1, lifter.window_length, 21, 3), np.float32)  # x, y on the plane at 1 m, confidence
print(f"from a window of {lifter.window_length} frames: joints {lifter.lift(window).shape}, metres")
print(f"use it with: sealcap run --lifter.model {out / 'tiny.onnx'}")
