"""Refinement at inference: a few gradient steps on a private copy of the corrector, for every frame anew.

3D Human Pose Machines (Wang et al., TPAMI 2019), the self-supervised correction. Given the intermediate pose
p and the observed 2D u of one frame, the trained corrector C with parameters θ and the frozen projector P:

    θ₀ ← θ
    repeat k times:
        û = P(C_θₖ(p))
        L = mean (M ⊙ (û − u))² + mean (bone(M ⊙ û) − bone(M ⊙ u))²
        θₖ₊₁ ← Adam(θₖ, ∂L/∂θ)
    answer C_θₖ(p); θ stays what it was

M is 0 for joints that were not seen or whose 2D definition differs from the skeleton's; bone() is
parent − child.

Deviations from the released program, all deliberate. Adam starts fresh for every frame, so that the answer
does not depend on the frames before (there its moments live on, and the first steps of ours are larger: the
first step of Adam moves every weight by the learning rate). The answer is computed after the last step (there
it is fetched together with it, so that two steps show the pose after about one). Bones keep their sign
(`absolute_bones=True` takes |bone| as there).

Frames of a batch never touch each other: each has its own θ (torch.func.vmap).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from lifting.models.pose_machine import Corrector, Projector, bone_vectors
from lifting.skeleton import Skeleton

STEPS = 2
LEARNING_RATE = 1.5e-4
"""As published; with fresh moments it is the upper end of what is reasonable (docs/correction.md)."""
BETAS = (0.9, 0.999)
EPSILON = 1e-8
FRAMES_AT_ONCE = 64
"""Frames refined together; each needs four times the memory of C's parameters."""

Parameters = dict[str, Tensor]


def observed_mask(skeleton: Skeleton, seen: Tensor, *, apart: tuple[str, ...] = ("spine",)) -> Tensor:
    """M of the module's text: `seen` (B,J) without joints whose 2D stands for something else.

    As published that is the middle of the torso, which 2D and 3D data sets define differently.
    """
    mask = seen.clone()
    mask[:, skeleton.indices(*apart)] = 0.0
    return mask


def refine(
    corrector: Corrector,
    projector: Projector,
    pose: Tensor,
    observed_2d: Tensor,
    seen: Tensor,
    *,
    steps: int = STEPS,
    learning_rate: float = LEARNING_RATE,
    absolute_bones: bool = False,
) -> Tensor:
    """Correct each frame by its own 2D observation.

    pose (B,J,3) intermediate poses in metres, observed_2d (B,J,2) in crop units (anything where unseen), seen
    (B,J) M of the module's text, 0 or 1. Returns (B,J,3) metres; with no step or no joint seen, C's own
    answer. Raises ValueError for other shapes or a negative number of steps.
    """
    _check(corrector.skeleton, pose, observed_2d, seen, steps)
    trained = {name: p.detach() for name, p in corrector.named_parameters()}
    mask = seen.to(pose.dtype)[..., None]
    observed = torch.where(mask > 0, observed_2d, torch.zeros_like(observed_2d))
    gradient = _gradient(corrector, projector, absolute_bones)
    parts = [
        _refine_some(corrector, gradient, trained, frames, steps, learning_rate)
        for frames in zip(*(x.detach().split(FRAMES_AT_ONCE) for x in (pose, observed, mask)), strict=True)
    ]
    return torch.cat(parts)


def projection_loss(
    projected: Tensor, observed: Tensor, mask: Tensor, skeleton: Skeleton, *, absolute_bones: bool = False
) -> Tensor:
    """L of the module's text for each frame: projected, observed (...,J,2), mask (...,J,1) → (...)."""
    shown, wanted = projected * mask, observed * mask
    bones, wanted_bones = bone_vectors(shown, skeleton), bone_vectors(wanted, skeleton)
    if absolute_bones:
        bones, wanted_bones = bones.abs(), wanted_bones.abs()
    return ((shown - wanted) ** 2).mean(dim=(-2, -1)) + ((bones - wanted_bones) ** 2).mean(dim=(-2, -1))


def adam_step(
    parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor, step: int, learning_rate: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Kingma & Ba 2015, algorithm 1, step number `step` from 1. Returns parameter and both moments."""
    first = BETAS[0] * first + (1 - BETAS[0]) * gradient
    second = BETAS[1] * second + (1 - BETAS[1]) * gradient**2
    unbiased = first / (1 - BETAS[0] ** step)
    scale = (second / (1 - BETAS[1] ** step)).sqrt() + EPSILON
    return parameter - learning_rate * unbiased / scale, first, second


def _gradient(
    corrector: Corrector, projector: Projector, absolute_bones: bool
) -> Callable[[Parameters, Tensor, Tensor, Tensor], Parameters]:
    """dL/dθ of one frame as a function of (θ, p (J,3), u (J,2), M (J,1)). P's parameters are constants."""
    frozen = {name: p.detach() for name, p in projector.named_parameters()}

    def loss(theta: Parameters, pose: Tensor, observed: Tensor, mask: Tensor) -> Tensor:
        corrected = functional_call(corrector, theta, (pose,))
        projected = functional_call(projector, frozen, (corrected,))
        return projection_loss(projected, observed, mask, corrector.skeleton, absolute_bones=absolute_bones)

    return grad(loss)


def _refine_some(
    corrector: Corrector,
    gradient: Callable[[Parameters, Tensor, Tensor, Tensor], Parameters],
    trained: Parameters,
    frames: tuple[Tensor, Tensor, Tensor],
    steps: int,
    learning_rate: float,
) -> Tensor:
    """Pose, observation and mask of some frames to their refined poses; θ gets a leading axis of frames."""
    pose, count = frames[0], len(frames[0])
    theta = {name: p.expand(count, *p.shape) for name, p in trained.items()}
    first = {name: torch.zeros_like(p) for name, p in trained.items()}
    second = dict(first)
    for step in range(1, steps + 1):
        slopes = vmap(gradient)(theta, *frames)
        for name, slope in slopes.items():
            theta[name], first[name], second[name] = adam_step(
                theta[name], slope, first[name], second[name], step, learning_rate
            )
    with torch.no_grad():
        refined: Tensor = vmap(lambda t, p: functional_call(corrector, t, (p,)))(theta, pose)
    return refined


def _check(skeleton: Skeleton, pose: Tensor, observed_2d: Tensor, seen: Tensor, steps: int) -> None:
    frames, joints = len(pose), len(skeleton)
    expected = ((frames, joints, 3), (frames, joints, 2), (frames, joints))
    given = tuple(tuple(x.shape) for x in (pose, observed_2d, seen))
    if given != expected:
        raise ValueError(f"pose, observed_2d and seen must have the shapes {expected}, got {given}")
    if steps < 0:
        raise ValueError(f"the number of steps cannot be negative, got {steps}")
