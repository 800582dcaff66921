"""Networks that judge a pose: one file each, and `LOSS_NETS`, which knows them by name.

    LossNet(skeleton, *, channels=2, **own options)
    forward(observed (N,J,channels), pose (N,J,3)) -> energies (N,1), lower = better

They judge single frames, exist in training only, and are saved with the checkpoint.
"""

from __future__ import annotations

from torch import nn

from training.losses.loss_nets.graph import GraphLossNet
from training.losses.loss_nets.mlp import MlpLossNet

LOSS_NETS: dict[str, type[nn.Module]] = {"graph": GraphLossNet, "mlp": MlpLossNet}
