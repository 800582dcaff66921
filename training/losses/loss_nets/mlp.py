"""SEAL-pose's MLP loss-net: SimpleBaseline's shape with one number at the end.

Source: SEAL-pose (arXiv 2602.20051), author code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lifting.skeleton import Skeleton

POSE_CHANNELS = 3
STAGES = 2


class MlpLossNet(nn.Module):
    """Energy E(x, y) of a pose y given what was observed, x; lower is better.

    Both are flattened and concatenated → Linear → ReLU → dropout → two residual stages of two such layers
    each → Linear. Batch normalisation is off: energies are compared between truth and predictions, and the
    statistics of a batch would tell which is which.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        *,
        width: int = 1024,
        dropout: float = 0.5,
        batch_norm: bool = False,
        channels: int = 2,
    ) -> None:
        """`channels` of the observation: 2 as published, 3 with the detector's confidence."""
        super().__init__()
        self.encoder = _dense((channels + POSE_CHANNELS) * len(skeleton), width, dropout, batch_norm)
        self.stages = nn.ModuleList(
            nn.Sequential(*(_dense(width, width, dropout, batch_norm) for _ in range(2)))
            for _ in range(STAGES)
        )
        self.energy = nn.Linear(width, 1)

    def forward(self, observed: Tensor, pose: Tensor) -> Tensor:
        """observed (N,J,channels), pose (N,J,3) metres relative to the root -> energies (N,1)."""
        with torch.autocast(pose.device.type, enabled=False):  # millimetres vanish in bfloat16
            z = self.encoder(torch.cat([observed.flatten(1), pose.flatten(1)], dim=-1))  # (N,W)
        for stage in self.stages:
            z = z + stage(z)
        with torch.autocast(pose.device.type, enabled=False):  # and so do differences of energies
            energy: Tensor = self.energy(z.float())
        return energy


def _dense(inputs: int, outputs: int, dropout: float, batch_norm: bool) -> nn.Sequential:
    norm = nn.BatchNorm1d(outputs) if batch_norm else nn.Identity()
    return nn.Sequential(nn.Linear(inputs, outputs), norm, nn.ReLU(), nn.Dropout(dropout))
