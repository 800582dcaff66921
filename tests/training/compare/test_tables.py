"""Statistics of the tables against numbers worked out by hand."""

from __future__ import annotations

import csv
import io
import math

import pytest

from training.compare.cell import CellResult
from training.compare.figure import forest
from training.compare.tables import (
    MEASURES,
    csv_text,
    differences_table,
    means_table,
    paired_differences,
    t_interval,
)


def result(
    arm: str, seed: int, mpjpe_m: float, *, backbone: str = "net", indicative: bool = False
) -> CellResult:
    """A finished cell in which everything but MPJPE is 1."""
    errors = {m.key: 1.0 for m in MEASURES} | {"mpjpe_m": mpjpe_m}
    return CellResult(
        backbone=backbone, arm=arm, seed=seed, tuned={"losses.x": 0.1}, indicative=indicative, val=errors,
        test=errors, losses={"seal_gradient_ratio": 0.07}, steps=10, batch=4, parameters=1000, seconds=60.0,
        windows_per_s=100.0, data_share=0.01, device="cpu", threads=1, date="2026-01-01",
    )  # fmt: skip


GAIN = [
    *(result("plain", seed, value) for seed, value in ((1, 0.050), (2, 0.060), (3, 0.055))),
    *(result("seal", seed, value) for seed, value in ((1, 0.048), (2, 0.057), (3, 0.054))),
]


def test_t_interval_by_hand() -> None:
    """1, 2, 6: mean 3, s = √7, half width 4.303·√(7/3) = 6.573; one value has no bounds, none no mean."""
    interval = t_interval([1.0, 2.0, 6.0])
    assert interval.mean == 3.0
    assert interval.half_width == pytest.approx(4.303 * math.sqrt(7 / 3))
    assert not interval.excludes_zero
    assert t_interval([2.0]).half_width == math.inf
    assert not t_interval([2.0]).excludes_zero
    with pytest.raises(ValueError, match="at least one value"):
        t_interval([])


def test_quantiles_are_student_t() -> None:
    """P(|T| < t(0.975, ν)) = 0.95, by integrating the density of ν = 2, 4 and 9 degrees of freedom."""
    for freedom in (2, 4, 9):
        count = freedom + 1
        values = [0.0] * (count - 1) + [1.0]
        spread = math.sqrt(1 / count)  # standard deviation of one 1 among zeros
        t = t_interval(values).half_width / (spread / math.sqrt(count))
        scale = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))
        xs = [t * i / 20000 for i in range(20001)]
        density = [scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2) for x in xs]
        area = 2 * (sum(density) - (density[0] + density[-1]) / 2) * t / 20000
        assert area == pytest.approx(0.95, abs=2e-4)


def test_paired_differences_by_hand() -> None:
    """-2, -3, -1 mm: mean -2, s 1, half width 4.303/√3 = 2.484 holds 0; pairing is by seed, not by order."""
    differences = paired_differences([*GAIN[:3], *GAIN[:2:-1]], "plain")
    mpjpe = differences[0]
    assert (mpjpe.arm, mpjpe.measure.key, mpjpe.seeds) == ("seal", "mpjpe_m", 3)
    assert mpjpe.interval.mean == pytest.approx(-0.002)
    assert mpjpe.interval.half_width == pytest.approx(0.001 * 4.303 / math.sqrt(3))
    assert mpjpe.verdict == ""
    assert all(d.interval.mean == 0 and d.verdict == "" for d in differences[1:])


@pytest.mark.parametrize(
    ("change_mm", "verdict"),
    [((-2.0, -2.1, -1.9), "gain"), ((2.0, 2.1, 1.9), "loss"), ((-2.0, 2.1, 1.9), "")],
)
def test_verdicts(change_mm: tuple[float, ...], verdict: str) -> None:
    """Gain and loss only where the interval excludes 0, and never for indicative cells or a single seed."""
    for indicative in (False, True):
        plain = [result("plain", s, 0.05, indicative=indicative) for s in (1, 2, 3)]
        arm = [
            result("arm", s, 0.05 + c / 1000, indicative=indicative)
            for s, c in zip((1, 2, 3), change_mm, strict=True)
        ]
        found = paired_differences(plain + arm, "plain")[0].verdict
        assert found == ("" if indicative else verdict)
        assert paired_differences([plain[0], arm[0]], "plain")[0].verdict == ""


def test_higher_is_better_for_depth_order() -> None:
    """More depth order right is a gain."""
    cells = []
    for seed, step in ((1, 0.02), (2, 0.021), (3, 0.019)):
        plain, arm = result("plain", seed, 0.05), result("arm", seed, 0.05)
        cells += [plain, arm.model_copy(update={"test": arm.test | {"depth_order": 1 + step}})]
    found = {d.measure.key: d.verdict for d in paired_differences(cells, "plain")}
    assert found["depth_order"] == "gain"


def test_markdown_and_csv_hold_the_numbers() -> None:
    """55.0 ± 5.0 mm for 50, 60, 55; the CSV gives every cell back."""
    assert "| net | plain | 3 | losses.x 0.1 | 55.0 ± 5.0 |" in means_table(GAIN)
    assert "| net | seal | 3 | -2.0 ± 2.5 |" in differences_table(paired_differences(GAIN, "plain"))
    assert "net (indicative)" in means_table([result("plain", 1, 0.05, indicative=True)])
    rows = list(csv.DictReader(io.StringIO(csv_text(GAIN))))
    assert [float(row["test_mpjpe_m"]) for row in rows] == [c.test["mpjpe_m"] for c in GAIN]
    assert rows[0]["gradient_ratio"] == "0.07"


def test_seeds_of_one_side_only_do_not_count() -> None:
    """An arm that is behind the baseline is compared on the seeds that both have; without any, not at all."""
    assert paired_differences(GAIN[:5], "plain")[0].seeds == 2
    assert paired_differences(GAIN[:3], "plain") == []
    assert paired_differences(GAIN[3:], "plain") == []


def test_forest_shows_direction_and_verdict() -> None:
    """A gain is drawn in colour left of the middle line of the first panel, nothing of it on the right."""
    cells = [result("plain", s, 0.05) for s in (1, 2, 3)]
    cells += [result("arm", s, 0.05 + c) for s, c in ((1, -0.002), (2, -0.0021), (3, -0.0019))]
    picture = forest(paired_differences(cells, "plain")).astype(int)
    green = (picture[..., 1] > picture[..., 2] + 60) & (picture[..., 1] > picture[..., 0])
    columns = green.any(axis=0).nonzero()[0]
    assert len(columns)
    assert columns.max() < 400 + 180, "left of 0 in the panel of MPJPE"
    assert forest([]).shape[2] == 3
