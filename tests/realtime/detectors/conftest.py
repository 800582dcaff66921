"""A network that gives prepared outputs and remembers what it was shown."""

from __future__ import annotations

import numpy as np
import pytest


class ScriptedNetwork:
    """Stands where a loaded network stands; the detector around it is what is tested."""

    def __init__(self, shape: tuple[int | str | None, ...], **outputs: np.ndarray) -> None:
        self.inputs = {"picture": shape}
        self.metadata: dict[str, str] = {}
        self.outputs = outputs
        self.shown: np.ndarray | None = None

    def __call__(self, **arrays: np.ndarray) -> dict[str, np.ndarray]:
        self.shown = arrays["picture"]
        return dict(self.outputs)


@pytest.fixture
def network() -> type[ScriptedNetwork]:
    """The class, to be called with an input shape and named outputs."""
    return ScriptedNetwork
