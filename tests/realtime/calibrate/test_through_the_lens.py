"""A calibrated lens does not show in the body: the same walk through a straight and a bent one."""

from __future__ import annotations

from itertools import islice

import numpy as np

from lifting.camera import Intrinsics
from lifting.camera_estimate import CameraEstimate
from lifting.lens import Lens
from lifting.skeleton import BODY21, SEALCAP26
from realtime.build import build_people
from realtime.config import load_run_config
from realtime.data import BodyPose, Keypoints, Truth
from realtime.sources.synthetic import SyntheticSource

FROM_SEALCAP26 = SEALCAP26.indices(*BODY21.joints)


def bodies(truths: list[Truth], camera: Intrinsics, believed: Intrinsics) -> list[BodyPose]:
    """What people are solved to when `camera` shows them exactly and `believed` is taken for it."""
    people, estimate, found = build_people(load_run_config()), CameraEstimate(believed, fov_given=True), []
    for i, truth in enumerate(truths):
        points = camera.project(truth.joints_cam[FROM_SEALCAP26] + truth.root_cam).astype(np.float32)
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        seen = [Keypoints(0, points, np.full(len(BODY21), 0.9, np.float32), box, restarted=i == 0)]
        time_ns = i * 33_333_333
        raw = people.lift(seen, estimate, time_ns)
        corrected = people.correct(raw, seen)
        found.append(people.solve(corrected, raw, seen, estimate, time_ns)[0])
    return found


def test_the_lens_does_not_show_in_the_body() -> None:
    """Joints and root within 2 mm and 1 cm of those of a pinhole; ignoring the lens is far worse."""
    with SyntheticSource(30.0, (64, 36), paced=False) as source:
        truths = [frame.truth for frame in islice(source.frames(), 40) if frame.truth is not None]
    plain = Intrinsics.from_fov(1280, 720, 80)
    bent = Intrinsics(700.0, 705.0, 655.0, 340.0, 1280, 720, Lens("brown", (-0.3, 0.1, 0.002, -0.001, 0.0)))
    ignored = Intrinsics(700.0, 705.0, 655.0, 340.0, 1280, 720)
    straight, through, careless = (
        bodies(truths, camera, believed)
        for camera, believed in ((plain, plain), (bent, bent), (bent, ignored))
    )
    joints = [np.abs(a.joints_cam - b.joints_cam).max() for a, b in zip(straight, through, strict=True)]
    roots = [np.abs(a.root_cam - b.root_cam).max() for a, b in zip(straight, through, strict=True)]
    wrong = [np.abs(a.root_cam - b.root_cam).max() for a, b in zip(straight, careless, strict=True)]
    assert max(joints) < 0.002
    assert max(roots) < 0.01
    assert np.median(wrong) > 5 * np.median(roots)
