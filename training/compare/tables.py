"""Means, spreads and paired differences of a comparison, as Markdown and CSV.

The same seed gives the same initial weights and the same order of the data to every arm, so an arm is
compared with the baseline seed by seed. With differences d_1..d_n, mean d̄ and standard deviation s, the 95 %
interval is d̄ ± t(0.975, n−1)·s/√n (Student). Only where it excludes 0 is there talk of a gain or a loss.
"""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from training.compare.cell import CellResult


class Measure(NamedTuple):
    """A column of the tables."""

    key: str
    """In `CellResult.test`."""
    title: str
    scale: float
    """From the stored unit to that of the title."""
    digits: int
    lower_is_better: bool = True


MEASURES = (
    Measure("mpjpe_m", "MPJPE mm", 1000, 1),
    Measure("p_mpjpe_m", "P-MPJPE mm", 1000, 1),
    Measure("mpjve_mps", "MPJVE mm/s", 1000, 1),
    Measure("acceleration_mps2", "accel. m/s²", 1, 2),
    Measure("lse", "LSE %", 100, 2),
    Measure("bsle", "BSLE %", 100, 2),
    Measure("lle", "LLE % (our reading)", 100, 2),
    Measure("bone_angle_deg", "bone angle °", 1, 2),
    Measure("depth_order", "depth order %", 100, 2, False),
)

_T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


class Interval(NamedTuple):
    """A mean with its 95 % interval, which is unbounded for a single value."""

    mean: float
    half_width: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign is beyond chance at that level."""
        return abs(self.mean) > self.half_width


class Difference(NamedTuple):
    """An arm minus the baseline on the same backbone and seeds, in the stored unit."""

    backbone: str
    arm: str
    measure: Measure
    seeds: int
    interval: Interval
    indicative: bool

    @property
    def verdict(self) -> str:
        """gain, loss, or nothing where the interval holds 0 or the cells are only indicative."""
        if self.indicative or not self.interval.excludes_zero:
            return ""
        return "gain" if (self.interval.mean < 0) == self.measure.lower_is_better else "loss"


def t_interval(values: Sequence[float]) -> Interval:
    """Mean and half width t(0.975, n−1)·s/√n. Raises ValueError without values."""
    if not values:
        raise ValueError("an interval needs at least one value")
    mean, count = statistics.fmean(values), len(values)
    if count == 1:
        return Interval(mean, math.inf)
    quantile = _T_975[count - 2] if count - 2 < len(_T_975) else 1.96
    return Interval(mean, quantile * statistics.stdev(values) / math.sqrt(count))


def paired_differences(results: Sequence[CellResult], baseline: str) -> list[Difference]:
    """Every arm against `baseline`, over the seeds that both have, for every measure."""
    differences = []
    for (backbone, arm), cells in grouped(results).items():
        base = {cell.seed: cell for cell in results if (cell.backbone, cell.arm) == (backbone, baseline)}
        pairs = [(cell, base[cell.seed]) for cell in cells if cell.seed in base]
        if arm == baseline or not pairs:
            continue
        for measure in MEASURES:
            change = [ours.test[measure.key] - theirs.test[measure.key] for ours, theirs in pairs]
            indicative = any(cell.indicative for cell in cells)
            differences.append(Difference(backbone, arm, measure, len(pairs), t_interval(change), indicative))
    return differences


def grouped(results: Sequence[CellResult]) -> dict[tuple[str, str], list[CellResult]]:
    """(backbone, arm) → its cells by seed, in the order of the results."""
    groups: dict[tuple[str, str], list[CellResult]] = {}
    for result in results:
        groups.setdefault((result.backbone, result.arm), []).append(result)
    return {key: sorted(cells, key=lambda cell: cell.seed) for key, cells in groups.items()}


def means_table(results: Sequence[CellResult]) -> str:
    """Markdown: mean ± standard deviation over seeds of every measure on the test split."""
    rows = [["backbone", "arm", "seeds", "tuned", *(m.title for m in MEASURES)]]
    for (backbone, arm), cells in grouped(results).items():
        values = [_mean_sd([cell.test[m.key] for cell in cells], m) for m in MEASURES]
        rows.append([_named(backbone, cells[0].indicative), arm, str(len(cells)), _tuned(cells[0]), *values])
    return _markdown(rows)


def differences_table(differences: Sequence[Difference], measures: Sequence[Measure] = MEASURES) -> str:
    """Markdown: difference from the baseline ± half of the 95 % interval, with verdicts."""
    rows = [["backbone", "arm", "seeds", *(m.title for m in measures)]]
    table = {(d.backbone, d.arm, d.measure.key): d for d in differences}
    for backbone, arm in dict.fromkeys((d.backbone, d.arm) for d in differences):
        found = [table[backbone, arm, m.key] for m in measures]
        cells = [_signed(d) for d in found]
        rows.append([_named(backbone, found[0].indicative), arm, str(found[0].seeds), *cells])
    return _markdown(rows)


def cost_table(results: Sequence[CellResult]) -> str:
    """Markdown: what a cell costs, mean over its seeds."""
    rows = [["backbone", "arm", "parameters", "steps × batch", "minutes", "windows/s", "waiting for data %"]]
    for (backbone, arm), cells in grouped(results).items():
        minutes, rate, share = (
            statistics.fmean(values)
            for values in (
                [c.seconds / 60 for c in cells],
                [c.windows_per_s for c in cells],
                [100 * c.data_share for c in cells],
            )
        )
        budget = f"{cells[0].steps} × {cells[0].batch}"
        size = f"{cells[0].parameters / 1e6:.2f} M"
        rows.append([backbone, arm, size, budget, f"{minutes:.1f}", f"{rate:.0f}", f"{share:.1f}"])
    return _markdown(rows)


def csv_text(results: Sequence[CellResult]) -> str:
    """One row per cell, every measure of both splits in the stored units."""
    keys = [m.key for m in MEASURES]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    facts = ["backbone", "arm", "seed", "tuned", "indicative", "parameters", "steps", "batch", "seconds"]
    facts += ["windows_per_s", "data_share", "device", "threads", "date"]
    writer.writerow(
        [*facts, *(f"{split}_{key}" for split in ("val", "test") for key in keys), "gradient_ratio"]
    )
    for r in results:
        row = [r.backbone, r.arm, r.seed, _tuned(r), r.indicative, r.parameters, r.steps, r.batch, r.seconds]
        row += [r.windows_per_s, r.data_share, r.device, r.threads, r.date]
        errors = [f"{split[key]:.6g}" if split else "" for split in (r.val, r.test) for key in keys]
        ratios = [f"{v:.3g}" for name, v in r.losses.items() if name.endswith("gradient_ratio")]
        writer.writerow([*row, *errors, ratios[0] if ratios else ""])
    return out.getvalue()


def _mean_sd(values: Sequence[float], measure: Measure) -> str:
    mean = f"{measure.scale * statistics.fmean(values):.{measure.digits}f}"
    return (
        f"{mean} ± {measure.scale * statistics.stdev(values):.{measure.digits}f}" if len(values) > 1 else mean
    )


def _signed(difference: Difference) -> str:
    measure, interval = difference.measure, difference.interval
    text = f"{measure.scale * interval.mean:+.{measure.digits}f}"
    if math.isfinite(interval.half_width):
        text += f" ± {measure.scale * interval.half_width:.{measure.digits}f}"
    return f"**{text}** {difference.verdict}" if difference.verdict else text


def _named(backbone: str, indicative: bool) -> str:
    return f"{backbone} (indicative)" if indicative else backbone


def _tuned(cell: CellResult) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in cell.tuned.items())


def _markdown(rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]) + "\n"
