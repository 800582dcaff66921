"""The judge's chain: what goes in comes out, and its report says what was met."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.solver_chain import TruthDetector, run, settings, told
from benchmarks.solver_measures import fitted_roots
from benchmarks.solver_report import Check, Section, report, write_between
from benchmarks.solver_truth import BODY21_IN_26, Camera, Clip, Scene, film, perfect
from lifting.skeleton import BODY21
from realtime.data import State
from realtime.detectors import Region
from realtime.solve.rest import REST_JOINTS


def _scene(frames: int = 30) -> Scene:
    """A person in T-pose who drifts to the side at 0.2 m/s."""
    joints = np.repeat(REST_JOINTS[None] * 1.7, frames, axis=0)
    joints[..., 0] += (np.arange(frames) / 30 * 0.2)[:, None]
    return film(Clip("drifting", 30.0, 1.7, joints), Camera())


def test_perfect_input_comes_out_as_it_went_in() -> None:
    """With true 3D and exact 2D the chain tracks every frame and moves no joint by more than 3 cm."""
    scene = _scene()
    config = settings(**told(scene, tilt=True), correct=0.0)
    result = run(scene, perfect(scene), config, perfect_3d=True)
    assert all(state == State.TRACKING for state in result.states)
    assert np.linalg.norm(result.relative - scene.relative, axis=-1).max() < 0.03
    np.testing.assert_allclose(result.raw, scene.relative, atol=1e-6)


def test_hidden_joints_are_hidden_for_as_long_as_said() -> None:
    """Only the named joints of the named frames lose their confidence."""
    seen = perfect(_scene(10))
    wrist = BODY21.index("left_wrist")
    hidden = seen.hide([wrist], slice(3, 6))
    changed = hidden.confidence != seen.confidence
    assert changed[3:6, wrist].all()
    assert changed.sum() == 3


def test_plain_roots_of_exact_rays_are_the_truth() -> None:
    """Least squares finds the translation; too few joints give none."""
    scene = _scene(3)
    seen = perfect(scene)
    rays = scene.camera.intrinsics.rays(seen.points_px).astype(np.float64)
    roots = fitted_roots(scene.relative[:, BODY21_IN_26], rays, seen.confidence)
    np.testing.assert_allclose(roots, scene.root_cam, atol=1e-3)
    few = seen.confidence.copy()
    few[:, 3:] = 0.0
    assert np.isnan(fitted_roots(scene.relative[:, BODY21_IN_26], rays, few)).all()


def test_the_nearer_of_two_people_is_seen() -> None:
    """Where two people share a region the detector finds the one before the other."""
    scene = _scene(2)
    far = replace(scene, clip=replace(scene.clip, joints=scene.clip.joints - [0.0, 0.0, 0.5]))
    detector = TruthDetector([perfect(far), perfect(scene)], [far.root_cam[:, 2], scene.root_cam[:, 2]])
    found = detector.estimate(None, detector.search(None)[-1])
    np.testing.assert_allclose(found.points_px, perfect(scene).points_px[0], atol=1e-3)
    nobody = detector.estimate(None, Region(-5000.0, -5000.0, 100.0))
    assert nobody.score == 0.0


@pytest.mark.parametrize(
    ("value", "at_least", "met"), [(1.0, False, True), (1.1, False, False), (1.1, True, True)]
)
def test_a_check_knows_which_way_is_better(value: float, at_least: bool, met: bool) -> None:
    """The limit itself is good enough; NaN never is."""
    assert Check("x", value, 1.0, "cm", at_least).met == met
    assert not Check("x", float("nan"), 1.0, "cm", at_least).met


def test_numbers_are_written_between_the_markers_only(tmp_path: Path) -> None:
    """The rest of the page stays; a page without markers is refused."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- numbers: begin -->\nold\n<!-- numbers: end -->\nafter\n", encoding="utf-8")
    section = Section("Title", ["a", "b"], checks=[Check("speed", 3.0, 2.0, "m/s")])
    section.add("x", 1.23456)
    write_between(page, report([section]))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| x | 1.23 |" in text
    assert "**no**" in text
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="needs the lines"):
        write_between(page, "text")
