"""The Unity component, compiled by mono on a stand-in of UnityEngine, moves avatars as the sender moves.

Packets come from our real senders over UDP; the avatars' transforms are a real hierarchy.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from lifting.skeleton import BONES, SEALCAP26
from realtime.axes import UNITY
from realtime.data import BodyPose, Motion, State
from realtime.sinks.osc import OscSink, frame_packets
from realtime.sinks.vmc import VmcSink
from realtime.solve.forward import joints_from_rotations, world_rotations
from realtime.solve.quaternions import conjugate, multiply, to_matrix
from realtime.solve.rest import PELVIS_HEIGHT, REST_JOINTS
from tests.realtime.clients.avatars import Avatar, Float64, make_avatar, random_turn
from tests.realtime.clients.mono import Frame, free_port
from tests.realtime.sinks.motions import make_motion, with_poses
from tests.realtime.takes.made_takes import about

pytestmark = pytest.mark.real
LIMBS = [(s + a, s + b) for s in ("Left", "Right") for a, b in (
    ("UpperArm", "LowerArm"), ("LowerArm", "Hand"), ("UpperLeg", "LowerLeg"), ("LowerLeg", "Foot"),
    ("Foot", "Toes"))]  # fmt: skip
"""Bones whose direction must be the sender's: where they begin, where the next one begins."""
JOINT_OF = {"UpperArm": "shoulder", "LowerArm": "elbow", "Hand": "wrist", "UpperLeg": "hip",
            "LowerLeg": "knee", "Foot": "ankle", "Toes": "toe"}  # fmt: skip
HEIGHT_M = 1.6
STEP_S = 1 / 60


@dataclass
class Scene:
    """A running avatar."""

    process: subprocess.Popen[str]
    port: int
    packets: int = 0

    def tell(self, *words: object) -> str:
        """One command; its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def step(self, seconds: float = STEP_S) -> Frame:
        """Let one picture pass."""
        return dict(json.loads(self.tell("step", seconds).replace(", []]", "]")))

    def look(self) -> Frame:
        """How things are, without a picture passing."""
        return dict(json.loads(self.tell("look").replace(", []]", "]")))

    def play(self, seconds: float) -> Frame:
        """Let pictures pass without packets; the last one."""
        for _ in range(round(seconds / STEP_S)):
            frame = self.step()
        return frame

    def send(self, *motions: Motion) -> None:
        """OSC joints; returns when they have arrived."""
        sink = OscSink("127.0.0.1", self.port)
        sink.open()
        for motion in motions:
            sink.write(motion)
            self.packets += len(frame_packets(motion))
            self.tell("wait", self.packets)
        sink.close()


@contextmanager
def running(program: Path, avatar: Path, **settings: object) -> Iterator[Scene]:
    """The avatar in a scene, faded in at once."""
    port = free_port()
    settings = {"port": port, "fadeInSeconds": 0, "timeoutSeconds": 100} | settings
    with subprocess.Popen(
        ["mono", str(program), str(avatar)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        scene = Scene(process, port)
        for name, value in settings.items():
            scene.tell("set", name, value)
        scene.tell("capture")
        scene.tell("enable")
        yield scene
        _, _ = process.communicate("quit\n", timeout=60)
        assert process.returncode == 0


def body(local: Float64, pelvis: Sequence[float] = (0.3, 0.8, 1.5), height_m: float = HEIGHT_M) -> BodyPose:
    """Somebody whose joints are exactly what the rotations make of our rest body."""
    (pose,) = make_motion().people
    joints = joints_from_rotations(local, (REST_JOINTS - REST_JOINTS[0]) * height_m, np.array(pelvis))
    return replace(
        pose, joints_world=joints.astype(np.float32), bone_rotations=local.astype(np.float32),
        root_world=np.array(pelvis, np.float32), root_rotation=local[0].astype(np.float32), height_m=height_m,
    )  # fmt: skip


def t_pose() -> Float64:
    """(21,4)."""
    return np.tile([0.0, 0.0, 0.0, 1.0], (len(BONES), 1))


def any_pose(rng: np.random.Generator) -> Float64:
    """(21,4): every bone turned any way."""
    return np.array([random_turn(rng) for _ in BONES.joints])


def moved(seq: int, *poses: BodyPose) -> Motion:
    """One frame of these people."""
    return with_poses(make_motion(seq), *poses)


def _angle_deg(a: Float64, b: Float64) -> float:
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    return float(
        np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), cosine * np.linalg.norm(a) * np.linalg.norm(b)))
    )


def check_pose(avatar: Avatar, shown: Frame, pose: BodyPose, *, limbs_only: bool = False) -> None:
    """Limbs point where the sender's do, within 0.1°; other bones turned from the T-pose as the sender's."""
    heads, rotations = avatar.in_root(shown["bones"])
    for a, b in LIMBS:
        if a in heads and b in heads:
            side = a[: 4 if a.startswith("Left") else 5]
            joints = [SEALCAP26.index(f"{side.lower()}_{JOINT_OF[n.removeprefix(side)]}") for n in (a, b)]
            sent = UNITY.points(pose.joints_world[joints].astype(float))
            assert _angle_deg(heads[b] - heads[a], sent[1] - sent[0]) < 0.1, (a, b)
    world = UNITY.rotations(world_rotations(pose.bone_rotations.astype(float)))
    for bone in ("Hips", "Spine", "Chest", "Neck", "Head", "LeftShoulder", "RightShoulder"):
        if bone in rotations:
            turned = multiply(rotations[bone], conjugate(avatar.t_pose[bone]))
            apart = abs(turned @ world[BONES.index(bone)])
            assert np.degrees(2 * np.arccos(min(apart, 1))) < 0.1, bone


@pytest.mark.parametrize("a_pose", [False, True])
@pytest.mark.parametrize("lacks", [(), ("Chest", "Neck", "LeftShoulder", "RightShoulder", "RightToes")])
def test_bones_point_where_the_senders_do(
    scene: Path, tmp_path: Path, a_pose: bool, lacks: tuple[str, ...]
) -> None:
    """Random rolls, T- and A-poses, other proportions, bones missing, an avatar turned, scaled and moved."""
    rng = np.random.default_rng(8)
    for seed in range(3):
        avatar = make_avatar(rng, a_pose=a_pose, lacks=lacks, size=0.5 + seed)
        avatar.root = (rng.normal(size=3), random_turn(rng), 0.5 + seed)
        path = avatar.save(tmp_path / "avatar", rng)
        with running(scene, path) as running_scene:
            for seq in range(4):
                pose = body(any_pose(rng))
                running_scene.send(moved(seq, pose))
                shown = running_scene.step()
                assert not shown["told"]
                check_pose(avatar, shown, pose)


def test_vmc_moves_it_alike(scene: Path, tmp_path: Path) -> None:
    """The same poses over VMC."""
    rng = np.random.default_rng(9)
    avatar = make_avatar(rng, a_pose=True)
    path = avatar.save(tmp_path / "avatar", rng)
    with running(scene, path) as running_scene:
        sink = VmcSink("127.0.0.1", running_scene.port)
        sink.open()
        for seq in range(4):
            pose = body(any_pose(rng))
            sink.write(moved(seq, pose))
            running_scene.packets += 2
            running_scene.tell("wait", running_scene.packets)
            time.sleep(0.02)
            check_pose(avatar, running_scene.step(), pose)
        sink.close()


@pytest.mark.parametrize("vmc", [False, True])
def test_hips_are_as_high_as_the_legs_are_long(scene: Path, tmp_path: Path, vmc: bool) -> None:
    """A T-pose gives the avatar's own T-pose; a metre walked is a metre times the ratio of hip heights."""
    rng = np.random.default_rng(2)
    avatar = make_avatar(rng, size=1.7)
    path = avatar.save(tmp_path / "avatar", rng)
    hip_m = PELVIS_HEIGHT * HEIGHT_M
    own = (avatar.heads["LeftUpperLeg"] + avatar.heads["RightUpperLeg"]) / 2
    with running(scene, path) as running_scene:
        sink = (VmcSink if vmc else OscSink)("127.0.0.1", running_scene.port)
        sink.open()
        for seq, (x, y, z) in enumerate([(0.3, 0, -2.0), (0.8, -0.2, -1.0)]):
            sink.write(moved(seq, body(t_pose(), (x, hip_m + y, z))))
            running_scene.packets += 2 if vmc else len(frame_packets(moved(seq, body(t_pose()))))
            running_scene.tell("wait", running_scene.packets)
            time.sleep(0.02)
            heads, _ = avatar.in_root(running_scene.step()["bones"])
            if seq == 0:
                for bone, head in avatar.heads.items():
                    expected = head - own * (1, 0, 1)  # the hip joints' middle goes above the root
                    np.testing.assert_allclose(heads[bone], expected, atol=2e-5)
                first = heads["Hips"]
            else:
                step = np.array([-0.5, -0.2, 1.0]) * own[1] / hip_m
                np.testing.assert_allclose(heads["Hips"] - first, step, atol=2e-4)
        sink.close()


def test_hips_turn_about_the_hip_joints(scene: Path, tmp_path: Path) -> None:
    """Bending over: the middle of the hip joints stays, wherever the avatar's hips bone begins."""
    rng = np.random.default_rng(3)
    avatar = make_avatar(rng)
    path = avatar.save(tmp_path / "avatar", rng)
    middles = []
    with running(scene, path) as running_scene:
        for seq, degrees in enumerate((0, 80)):
            local = t_pose()
            local[0] = about([1, 0, 0], degrees)
            running_scene.send(moved(seq, body(local)))
            heads, _ = avatar.in_root(running_scene.step()["bones"])
            middles.append((heads["LeftUpperLeg"] + heads["RightUpperLeg"]) / 2)
    np.testing.assert_allclose(middles[0], middles[1], atol=2e-5)


@pytest.mark.parametrize("motion", ["UpAndDown", "None"])
def test_hips_can_stay(scene: Path, tmp_path: Path, motion: str) -> None:
    """In their place, or untouched."""
    rng = np.random.default_rng(4)
    avatar = make_avatar(rng)
    path = avatar.save(tmp_path / "avatar", rng)
    with running(scene, path, hipsMotion=motion) as running_scene:
        running_scene.send(moved(0, body(t_pose(), (0, 0.8, 0))), moved(1, body(t_pose(), (1, 0.6, 2))))
        heads, _ = avatar.in_root(running_scene.step()["bones"])
    height = avatar.heads["Hips"][1]
    np.testing.assert_allclose(heads["Hips"][[0, 2]], avatar.heads["Hips"][[0, 2]], atol=1e-5)
    assert (heads["Hips"][1] == pytest.approx(height, abs=1e-5)) == (motion == "None")


def test_a_rest_pose_can_be_taken_as_it_is(scene: Path, tmp_path: Path) -> None:
    """Without correction a T-pose of the sender shows the avatar's own rest pose, A or not."""
    rng = np.random.default_rng(4)
    avatar = make_avatar(rng, a_pose=True)
    path = avatar.save(tmp_path / "avatar", rng)
    with running(scene, path, correctRestPose=False) as running_scene:
        running_scene.send(moved(0, body(t_pose())))
        _, rotations = avatar.in_root(running_scene.step()["bones"])
    for bone, q in avatar.rotation.items():
        assert abs(rotations[bone] @ q) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("idle", [False, True])
def test_a_lost_pose_is_held_then_fades(scene: Path, tmp_path: Path, idle: bool) -> None:
    """To what the Animator writes, or to the pose at the start; and is faded in again when found."""
    rng = np.random.default_rng(6)
    avatar = make_avatar(rng)
    path = avatar.save(tmp_path / "avatar", rng)
    settings = {"holdSeconds": 0.5, "fadeOutSeconds": 0.5, "fadeInSeconds": 0.5}
    with running(scene, path, **settings) as running_scene:
        rows = list(avatar.rows.values())

        def local(frame: Frame) -> Float64:
            return np.array(frame["bones"])[rows, 7:]

        running_scene.tell("idle", "on" if idle else "off")
        calm = local(running_scene.step())
        pose = body(any_pose(rng))
        running_scene.send(moved(0, pose))
        first = running_scene.step()
        assert first["events"] == "Tracking found"
        assert first["person"] == 1
        between = local(running_scene.play(0.2))
        found = running_scene.play(0.5)
        assert not found["events"]
        running_scene.send(moved(1, replace(pose, state=State.HELD)))
        assert running_scene.step()["events"] == "Held"
        running_scene.send(moved(2, replace(pose, state=State.LOST)))
        lost = running_scene.step()
        assert (lost["events"], lost["state"], lost["person"]) == ("Lost lost", "Lost", -1)
        held, fading, gone = (local(running_scene.play(s)) for s in (0.4, 0.35, 0.4))
        np.testing.assert_allclose(held, local(found), atol=1e-6)
        np.testing.assert_allclose(np.abs((gone * calm).sum(-1)), 1, atol=1e-6)
        for middle in (between, fading):
            assert (np.abs((middle * calm).sum(-1)) < 0.9999).any()
            assert (np.abs((middle * held).sum(-1)) < 0.9999).any()
        running_scene.send(moved(3, pose))
        assert running_scene.step()["events"] == "Tracking found"
        np.testing.assert_allclose(local(running_scene.play(0.6)), held, atol=1e-6)


def test_silence_is_a_loss(scene: Path, tmp_path: Path) -> None:
    """A sender that is gone is told like a person who is."""
    rng = np.random.default_rng(6)
    avatar = make_avatar(rng)
    with running(scene, avatar.save(tmp_path / "avatar", rng), timeoutSeconds=0.1) as running_scene:
        running_scene.send(moved(0, body(t_pose())))
        assert running_scene.step()["state"] == "Tracking"
        time.sleep(0.15)
        assert running_scene.step()["events"] == "Lost lost"


def test_smoothing_is_off_and_can_be_on(scene: Path, tmp_path: Path) -> None:
    """Off: a pose is shown with the next picture. On: 63 % of a jump is there after the time set."""
    rng = np.random.default_rng(1)
    avatar = make_avatar(rng)
    path = avatar.save(tmp_path / "avatar", rng)
    local = t_pose()
    local[BONES.index("Head")] = about([0, 1, 0], 60)
    for smoothing, after_deg in ((0.0, 60.0), (0.2, 60 * (1 - np.exp(-1)))):
        with running(scene, path, smoothing=smoothing) as running_scene:
            running_scene.send(moved(0, body(t_pose())))
            running_scene.step()
            running_scene.send(moved(1, body(local)))
            _, rotations = avatar.in_root(running_scene.play(0.2)["bones"])
        turned = multiply(rotations["Head"], conjugate(avatar.t_pose["Head"]))
        assert np.degrees(2 * np.arccos(abs(turned[3]))) == pytest.approx(after_deg, abs=0.1)


def test_a_disabled_component_gives_back_pose_and_port(scene: Path, tmp_path: Path) -> None:
    """Bones are as they were; enabled again it receives again."""
    rng = np.random.default_rng(6)
    avatar = make_avatar(rng)
    with running(scene, avatar.save(tmp_path / "avatar", rng)) as running_scene:
        before = np.array(running_scene.step()["bones"])
        pose = body(any_pose(rng))
        running_scene.send(moved(0, pose))
        assert np.abs(np.array(running_scene.step()["bones"]) - before).max() > 0.1
        running_scene.tell("disable")
        given_back = np.array(running_scene.look()["bones"])
        np.testing.assert_allclose(given_back[:, :3], before[:, :3], atol=1e-5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", running_scene.port))
        running_scene.tell("enable")
        running_scene.send(moved(1, pose))
        check_pose(avatar, running_scene.step(), pose)


def test_another_port_can_be_chosen_while_it_runs(scene: Path, tmp_path: Path) -> None:
    """A taken one is told of, once; the next choice works."""
    rng = np.random.default_rng(6)
    avatar = make_avatar(rng)
    with running(scene, avatar.save(tmp_path / "avatar", rng)) as running_scene:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            running_scene.tell("set", "port", taken.getsockname()[1])
            running_scene.step()
            assert "choose another port" in running_scene.step()["problem"]
        running_scene.port = free_port()
        running_scene.tell("set", "port", running_scene.port)
        shown = running_scene.step()
        assert not shown["problem"]
        assert shown["told"].count("Cannot receive") == 1
        pose = body(any_pose(rng))
        running_scene.send(moved(0, pose))
        check_pose(avatar, running_scene.step(), pose)


@pytest.mark.parametrize(
    ("lacks", "said"),
    [(("LeftUpperLeg",), "error Sealcap: The avatar has no bone LeftUpperLeg: set its rig to Humanoid")],
)
def test_an_avatar_that_cannot_be_moved_says_why(
    scene: Path, tmp_path: Path, lacks: tuple[str, ...], said: str
) -> None:
    """And nothing else happens."""
    rng = np.random.default_rng(6)
    avatar = make_avatar(rng, lacks=lacks)
    with running(scene, avatar.save(tmp_path / "avatar", rng)) as running_scene:
        running_scene.send(moved(0, body(t_pose())))
        assert said in running_scene.step()["told"]


def test_hanging_arms_at_the_start_are_warned_of(scene: Path, tmp_path: Path) -> None:
    """The idle animation's pose is no rest pose."""
    rng = np.random.default_rng(6)
    avatar = make_avatar(rng)
    down = to_matrix(UNITY.rotations(about([0, 0, 1], -85)))
    shoulder = avatar.heads["LeftUpperArm"]
    for bone in ("LeftLowerArm", "LeftHand"):
        avatar.heads[bone] = shoulder + down @ (avatar.heads[bone] - shoulder)
    with running(scene, avatar.save(tmp_path / "avatar", rng)) as running_scene:
        assert (
            "warning Sealcap: The avatar's LeftUpperArm is far from a T-pose" in running_scene.step()["told"]
        )
