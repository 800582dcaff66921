"""`{side}` in a robot's YAML: one line for left and right, points mirrored."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from lifting.skeleton import mirror_name

SIDES = ("left", "right")


def both_sides(values: dict[str, Any], body_parts: Collection[str]) -> dict[str, Any]:
    """The YAML's values with `{side}` told out for left and right; `body_parts` may stand under `body:`."""
    out = dict(values)
    if isinstance(body := out.get("body"), dict):
        out["body"] = _sided_body(body, body_parts)
    if isinstance(capsules := out.get("capsules"), dict):
        out["capsules"] = _sided(capsules, mirror_points=True)
    for key in ("freeze", "avoid"):
        if isinstance(rows := out.get(key), list):
            out[key] = [side_row for row in rows for side_row in _sided_rows(row)]
    for group, key in (("weights", "postures"), ("limits", "velocities"), ("limits", "accelerations")):
        if isinstance(out.get(group), dict) and isinstance(out[group].get(key), dict):
            out[group] = {**out[group], key: _sided(out[group][key])}
    if isinstance(home := out.get("home"), dict):
        out["home"] = _sided(home)
    return out


def _sided_body(body: dict[Any, Any], parts: Collection[str]) -> dict[Any, Any]:
    """`hip: ...` becomes left_hip and right_hip; a key that names its side wins."""
    out = {}
    for key, value in body.items():
        sided = isinstance(key, str) and f"left_{key}" in parts
        for side in SIDES if sided else (None,):
            out[f"{side}_{key}" if side else key] = _for_side(value, side, mirror_points=True)
    return {**out, **{k: v for k, v in body.items() if k in parts}}


def _sided(table: dict[Any, Any], *, mirror_points: bool = False) -> dict[Any, Any]:
    out = {}
    for key, value in table.items():
        sided = isinstance(key, str) and "{side}" in key
        for side in SIDES if sided else (None,):
            out[_for_side(key, side)] = _for_side(value, side, mirror_points=mirror_points)
    return out


def _sided_rows(row: Any) -> list[Any]:
    if "{side}" not in str(row):
        return [row]
    return [_for_side(row, side) for side in SIDES]


def _for_side(value: Any, side: str | None, *, mirror_points: bool = False) -> Any:
    """A value of the YAML, however deep, for one side; `{other}` is the other side."""
    if side is None:
        return value
    if isinstance(value, str):
        other = mirror_name(f"{side}_")[:-1]
        return value.replace("{side}", side).replace("{other}", other)
    if isinstance(value, dict):
        return {k: _for_side(v, side, mirror_points=mirror_points) for k, v in value.items()}
    if isinstance(value, list):
        numbers = len(value) == 3 and all(isinstance(x, int | float) for x in value)
        if numbers and mirror_points and side == "right":
            return [value[0], -value[1], value[2]]
        return [_for_side(item, side, mirror_points=mirror_points) for item in value]
    return value
