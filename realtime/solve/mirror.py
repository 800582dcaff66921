"""Mirror mode: a body as its mirror image, so that a figure on a screen moves like a reflection.

Everything of the left is told of the right and the other way round, and space is reflected in the plane
X = 0 of the world, which goes through the camera. Negating X alone would make an impossible, left-handed
body; so joints, bones, contacts and confidences change sides, too. A turn q = (x, y, z, w) becomes
(x, -y, -z, w). Twice is the pose itself.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lifting.skeleton import BONES, CONTACTS, SEALCAP26, mirror_name
from realtime.data import BodyPose

_POINT = np.array([-1, 1, 1], np.float32)
_TURN = np.array([1, -1, -1, 1], np.float32)
_JOINTS, _BONES = SEALCAP26.mirrored, BONES.mirrored
_CONTACTS = np.array([CONTACTS.index(mirror_name(name)) for name in CONTACTS])


def mirror(pose: BodyPose) -> BodyPose:
    """The pose's mirror image.

    `joints_cam`, `raw_joints_cam` and `root_cam` become what the camera sees in a mirrored picture: they lie
    over the frame flipped left to right, and agree with `joints_world` for a camera rolled the other way.
    `Keypoints` and the frame itself stay as the camera saw them; they are not part of a pose.
    """
    return replace(
        pose,
        joints_world=pose.joints_world[_JOINTS] * _POINT,
        joints_cam=pose.joints_cam[_JOINTS] * _POINT,
        raw_joints_cam=pose.raw_joints_cam[_JOINTS] * _POINT,
        root_cam=pose.root_cam * _POINT,
        root_world=pose.root_world * _POINT,
        root_rotation=pose.root_rotation * _TURN,
        bone_rotations=pose.bone_rotations[_BONES] * _TURN,
        confidence=pose.confidence[_JOINTS],
        observed=pose.observed[_JOINTS],
        contacts=pose.contacts[_CONTACTS],
    )
