"""Scores as tables for the terminal: every measure with its name, its unit and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from training.occlusion import OcclusionRow
from training.plausibility import PlausibilityRow

MEANING = {
    "mpjpe_m": "mean distance of joints",
    "p_mpjpe_m": "the same after the best turn, move and scale",
    "n_mpjpe_m": "the same after the best scale",
    "mpjve_mps": "mean error of velocity",
    "acceleration_error_mps2": "mean error of acceleration",
    "pck150": "joints nearer than 150 mm",
    "auc": "joints nearer than 0 to 150 mm, averaged",
    "lse": "left against right bones, difference over sum",
    "bsle": "relative error of bone lengths",
    "lle": "relative error of whole arms and legs (our reading of LLE)",
    "mpsse_m": "left against right bones",
    "mpsce_m": "standard deviation of a bone's length in time",
    "bone_angle_deg": "mean angle between bones",
    "depth_order": "pairs of joints in the right order of depth (20 mm apart or more)",
    "bone_variation": "mpsce relative to the bone's length",
}
_UNITS = {"_m": ("mm", 1000.0), "_mps": ("mm/s", 1000.0), "_mps2": ("m/s²", 1.0), "_deg": ("°", 1.0)}
_PERCENT = ("pck150", "auc", "lse", "bsle", "lle", "depth_order", "bone_variation")


def score_table(values: Mapping[str, float], title: str) -> Table:
    """One row per measure, in the order of `MEANING`; names that are not there come last, as they are."""
    table = Table("measure", "value", "meaning", title=title)
    ordered = [
        *(name for name in MEANING if name in values),
        *(name for name in values if name not in MEANING),
    ]
    for name in ordered:
        label, shown = readable(name, values[name])
        table.add_row(label, shown, MEANING.get(name, ""))
    return table


def readable(name: str, value: float) -> tuple[str, str]:
    """("mpjpe_m", 0.0731) -> ("mpjpe", "73.1 mm"); shares become percent."""
    if name in _PERCENT:
        return name, f"{100 * value:.2f} %"
    for ending, (unit, factor) in _UNITS.items():
        if name.endswith(ending):
            gap = "" if unit == "°" else " "
            return name.removesuffix(ending), f"{factor * value:.1f}{gap}{unit}"
    return name, f"{value:.4g}"


def occlusion_table(rows: Sequence[OcclusionRow], title: str) -> Table:
    """One row per case of the occlusion protocol."""
    table = Table(
        "hidden", "mpjpe", "of the hidden", "the same seen", "depth order", "of the hidden", title=title
    )
    for row in rows:
        table.add_row(
            "nothing" if row.case is None else str(row.case),
            _millimetres(row.mpjpe_m),
            _millimetres(row.hidden_mpjpe_m),
            _millimetres(row.hidden_before_m),
            _percent(row.depth_order),
            _percent(row.hidden_depth_order),
        )
    return table


def plausibility_table(rows: Sequence[PlausibilityRow], title: str) -> Table:
    """One row per kind of pose."""
    table = Table("pose", "energy", "less plausible than truth", "distance", "rank correlation", title=title)
    for row in rows:
        correlation = "" if row.rank_correlation is None else f"{row.rank_correlation:.2f}"
        table.add_row(
            row.pose,
            f"{row.energy:.4f}",
            _percent(row.after_truth),
            _millimetres(row.error_m),
            correlation,
        )
    return table


def _millimetres(value_m: float | None) -> str:
    return "" if value_m is None else f"{1000 * value_m:.1f} mm"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
