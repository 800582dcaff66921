"""Lifter networks: one file per backbone, and `BACKBONES`, which knows them by name.

Every backbone has the same shape, so that they can be exchanged in a configuration file:

    Backbone(joints_in, joints_out, context, window, **own options)
    forward(joints (B, window, joints_in, 3), context (B, window, context)) -> (B, joints_out, 3)

`joints` are normalised x, y and confidence; `context` says where the crop was taken, how large it is and, if
known, where gravity points (`lifting.models.ray_lifter` documents both). The answer belongs to the newest
frame of the window, in metres and crop axes.
"""

from __future__ import annotations

from torch import nn

from lifting.errors import ConfigError
from lifting.models.temporal_conv import TemporalConv

BACKBONES: dict[str, type[nn.Module]] = {"temporal_conv": TemporalConv}


def make_backbone(
    name: str, joints_in: int, joints_out: int, context: int, window: int, options: dict[str, float | int]
) -> nn.Module:
    """Build the backbone called `name`. Raises ConfigError for an unknown name, option or window."""
    if name not in BACKBONES:
        raise ConfigError(f"There is no backbone {name!r}; choose one of: {', '.join(sorted(BACKBONES))}.")
    try:
        return BACKBONES[name](joints_in, joints_out, context, window, **options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The backbone {name} cannot be built with {options}: {error}.") from error
