"""What a lifter's file says about itself may come from anywhere."""

from __future__ import annotations

import pytest

from lifting.errors import ModelError
from lifting.metadata import KEY, read_metadata


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"format": 1e999}', "{", "null", '{"format": 1, "window": []}']
)
def test_damaged_metadata(text: str) -> None:
    """Too deep, not finite, cut off, or of another kind: one sentence each."""
    with pytest.raises(ModelError, match=r"damaged|format"):
        read_metadata({KEY: text})
