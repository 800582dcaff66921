"""The add-on in real Blender: installed from its zip, fed by the real senders over UDP at 60 Hz."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.axes import BLENDER
from realtime.clients.blender.sealcap_blender.body import JOINT_OF
from realtime.rest_pose import bone_heads
from realtime.sinks.osc import OscSink
from realtime.sinks.vmc import VmcOptions, VmcSink
from realtime.solve.forward import world_rotations
from realtime.takes.take import Take
from tests.realtime.clients.blender.rigs import a_pose_rig, rolled_rig
from tests.realtime.clients.blender.senders import START_WALL_NS, Sink, motion_at, symmetric
from tests.realtime.takes.made_takes import walking_take

Float64 = NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[4]
SCRIPT = Path(__file__).with_name("inside_blender.py")
APPLICATION = os.environ.get("BLENDER") or shutil.which("blender")
MODULE = Path(os.environ.get("SEALCAP_BPY", ROOT / ".venv-bpy")) / "bin" / "python"
RATE = 60.0
START = 5
LIMBS = [
    (f"{side}{upper}", f"{side}{lower}")
    for side in ("Left", "Right")
    for upper, lower in (
        ("UpperArm", "LowerArm"),
        ("LowerArm", "Hand"),
        ("UpperLeg", "LowerLeg"),
        ("LowerLeg", "Foot"),
    )
]
TRUNK = ("Hips", "Spine", "Chest", "Head")


def command(which: str) -> list[str]:
    """How to run the script; skips where this Blender is not."""
    if which == "bpy":
        if not MODULE.is_file():
            pytest.skip("there is no bpy: make bpy-env")
        return [str(MODULE), str(SCRIPT), "--"]
    if APPLICATION is None:
        pytest.skip("there is no Blender: apt install blender python3-numpy, or set BLENDER")
    return [APPLICATION, "--background", "--factory-startup", "--python-exit-code", "1",
            "--python", str(SCRIPT), "--"]  # fmt: skip


def free_port() -> int:
    """One that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(which: str, job: dict[str, Any], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Blender with a job; its settings stay in the folder."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    for name in ("CONFIG", "SCRIPTS", "EXTENSIONS", "RESOURCES"):
        environment[f"BLENDER_USER_{name}"] = str(folder / name.lower())
    (folder / "job.json").write_text(json.dumps(job))
    with (folder / "log").open("w") as log:
        blender = subprocess.Popen(
            [*command(which), str(folder / "job.json")], stdout=log, stderr=log, text=True, env=environment
        )
        try:
            yield blender
        finally:
            if blender.poll() is None:
                blender.kill()
            blender.wait()


def until(blender: subprocess.Popen[str], file: Path, sink: Sink | None = None, takes: Any = None) -> None:
    """Wait for a file; meanwhile send the first frame again and again."""
    deadline = time.monotonic() + 90
    while not file.exists():
        assert blender.poll() is None, (file.parent / "log").read_text()[-3000:]
        assert time.monotonic() < deadline, "Blender did not get ready"
        if sink is not None:
            sink.write(motion_at(takes, 0))
        time.sleep(0.1)


def followed(
    which: str, folder: Path, takes: list[Take], frames: int, *, vmc: bool = False, **job: Any
) -> Any:
    """What Blender says after following frames 1 to `frames` of the takes."""
    archive = folder / "sealcap-blender.zip"
    pack = ROOT / "realtime" / "clients" / "blender" / "pack.py"
    subprocess.run([sys.executable, str(pack), str(archive)], check=True, capture_output=True)
    paths = {name: str(folder / name) for name in ("ready", "made", "set", "answer")}
    defaults = {"install": "addon", "port": free_port(), "frames": frames, "people": len(takes), "fps": 24,
                "start": START, "first": 0 if vmc else 1, "rigs": [], "rigify": False, "own": [],
                "shown": False}  # fmt: skip
    whole = {"zip": str(archive), **paths, **defaults, **job}
    sink: Any = OscSink("127.0.0.1", whole["port"])
    if vmc:
        sink = VmcSink("127.0.0.1", whole["port"], VmcOptions(offsets="measured", rate_hz=100.0))
    sink.open()
    with running(which, whole, folder) as blender:
        until(blender, folder / "ready")
        until(blender, folder / "made", sink, takes)
        until(blender, folder / "set")
        begin, sent_s = time.perf_counter(), []
        for index in range(1, frames + 1):
            motion = motion_at(takes, index)
            time.sleep(max(0.0, begin + index / RATE - time.perf_counter()))
            sent_s.append(time.perf_counter())
            sink.write(motion)
        assert blender.wait(timeout=200) == 0, (folder / "log").read_text()[-3000:]
    sink.close()
    return {"sent_s": sent_s, **json.loads((folder / "answer").read_text())}


def rows(snapshots: list[Any], bones: list[str]) -> Float64:
    """(N,B,7) head and turn from rest of some bones."""
    return np.array([[pose[bone] for bone in bones] for pose in snapshots])


def shown(answer: Any, name: str) -> tuple[Float64, list[Any]]:
    """Which frames of the take an armature showed, and how."""
    times, poses = zip(*answer["shown"][name], strict=True)
    index = np.rint((np.array(times) - START_WALL_NS / 1e9) * RATE)
    return index, list(poses)


def sent_joints(take: Take, bones: list[str], at: Float64) -> Float64:
    """(N,B,3) the joints that bones turn about, at frames that may lie between two."""
    i = np.floor(at).astype(int)
    share = (at - i)[:, None, None]
    joints = take.joints_world[:, SEALCAP26.indices(*(JOINT_OF[bone] for bone in bones))]
    return np.asarray((1 - share) * joints[i] + share * joints[np.minimum(i + 1, len(take) - 1)])


def largest(differences: Float64) -> float:
    """Largest length of differences (...,3)."""
    return float(np.linalg.norm(differences, axis=-1).max())


def degrees_between(a: Float64, b: Float64) -> float:
    """Largest angle between directions (...,3)."""
    cos = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    return float(np.degrees(np.arccos(np.clip(cos, -1, 1))).max())


def sent_turns(take: Take, at: Float64) -> Float64:
    """(N,B,4) world rotations of all bones, at frames that may lie between two."""
    i = np.floor(at).astype(int)
    share = (at - i)[:, None, None]
    before, after = (world_rotations(take.bone_rotations[np.minimum(i + k, len(take) - 1)]) for k in (0, 1))
    near = np.where((before * after).sum(-1, keepdims=True) < 0, -after, after)
    between = (1 - share) * before + share * near
    return np.asarray(between / np.linalg.norm(between, axis=-1, keepdims=True))


def follows(world: Float64, turns: Float64, bones: list[str], take: Take, at: Float64) -> None:
    """Limbs point where the sent ones do, and the trunk is turned as it is, within a degree.

    `world` (N,B,3), `turns` (N,B,4) from rest, both in the sender's axes.
    """
    place = {bone: world[:, i] for i, bone in enumerate(bones)}
    joints = dict(zip(JOINT_OF, np.moveaxis(sent_joints(take, list(JOINT_OF), at), 1, 0), strict=True))
    for upper, lower in LIMBS:
        wrong = degrees_between(place[lower] - place[upper], joints[lower] - joints[upper])
        assert wrong < 1.0, (upper, wrong)
    sent = sent_turns(take, at)
    for bone in TRUNK:
        q, p = turns[:, bones.index(bone)], sent[:, BONES.index(bone)]
        off = np.degrees(2 * np.arccos(np.clip(np.abs((q * p).sum(-1)), 0, 1)))
        assert off.max() < 1.0, (bone, off.max())


BLENDERS = pytest.mark.parametrize("which", ["blender", "bpy"])


@pytest.mark.real
@BLENDERS
def test_armatures_follow_two_people(which: str, tmp_path: Path) -> None:
    """600 frames at 60 Hz: none lost; own armatures by joints, foreign rigs by direction; keys in time."""
    takes = [symmetric(walking_take(602, RATE)), walking_take(602, RATE)]
    rigs = [a_pose_rig(), rolled_rig()]
    answer = followed(which, tmp_path, takes, 600, rigs=rigs, own=[1, 2])
    assert (answer["frames"], answer["lost"]) == (601, 0)
    for name, take in zip(answer["names"][2:], takes, strict=True):
        bones = [bone for bone in answer["mapped"][name] if bone in JOINT_OF]
        index, poses = shown(answer, name)
        assert len(bones) == 19
        assert len(set(index)) > 300
        found = BLENDER.points_to_world(rows(poses, bones)[..., :3])
        assert largest(found - sent_joints(take, bones, index)) < 0.01
        keyed = answer["keys"][name]
        assert keyed["action"] == f"Take 1 {name}"
        assert keyed["frames"] == list(range(START, START + 240))
        at = 1 + np.arange(240) / 24 * RATE
        found = BLENDER.points_to_world(rows(keyed["poses"], bones)[..., :3])
        assert largest(found - sent_joints(take, bones, at)) < 0.01
    for rig in rigs:
        bones = list(answer["mapped"][rig["name"]])
        assert len(bones) == 22
        index, poses = shown(answer, rig["name"])
        _foreign(rows(poses, bones), bones, rig, takes[0], index)
    _held(answer)
    assert answer["scene_end"] >= START + 239


def _foreign(found: Float64, bones: list[str], rig: dict[str, Any], take: Take, at: Float64) -> None:
    """The pose, and where the middle of the leg roots is: as high as suits the rig's own legs."""
    world, turns = found[..., :3] / rig["unit"], found[..., 3:]
    if rig["z_up"]:
        world, turns = BLENDER.points_to_world(world), BLENDER.rotations_to_world(turns)
    follows(world, turns, bones, take, at)
    legs = world[:, [bones.index("LeftUpperLeg"), bones.index("RightUpperLeg")]].mean(1)
    height = -(bone_heads(take.rest_joints)[BONES.index("LeftFoot"), 1]) * 0.5198 / 0.4770
    scale = rig["hips_height"] / height
    assert largest(legs - take.joints_world[at.astype(int), 0] * scale) < 0.01


def _held(answer: Any) -> None:
    """When nothing comes any more: the last pose stays, and what is ours turns grey."""
    for name, (state, pose) in answer["silent"].items():
        assert state == "lost"
        last = answer["shown"][name][-1][1]
        np.testing.assert_allclose([pose[bone] for bone in pose], [last[bone] for bone in pose], atol=1e-5)
    for red, green, blue, _ in answer["colours"]:
        assert red == green == blue


@pytest.mark.real
@BLENDERS
def test_rigify(which: str, tmp_path: Path) -> None:
    """Blender's human meta-rig and the rig that Rigify generates from it, with all its machinery."""
    take = symmetric(walking_take(92, RATE))
    answer = followed(which, tmp_path, [take], 90, rigify=True, fps=30)
    assert (answer["frames"], answer["lost"]) == (91, 0)
    for name in answer["names"]:
        bones = list(answer["mapped"][name])
        index, poses = shown(answer, name)
        found = rows(poses, bones)
        world, turns = BLENDER.points_to_world(found[..., :3]), BLENDER.rotations_to_world(found[..., 3:])
        follows(world, turns, bones, take, index)
        assert answer["keys"][name]["frames"] == list(range(START, START + 45))
        keyed = rows(answer["keys"][name]["poses"], bones)
        world, turns = BLENDER.points_to_world(keyed[..., :3]), BLENDER.rotations_to_world(keyed[..., 3:])
        follows(world, turns, bones, take, 1.0 + 2.0 * np.arange(45))


@pytest.mark.real
@BLENDERS
def test_vmc(which: str, tmp_path: Path) -> None:
    """The same over VMC, and in Blender 5 installed as an extension; an own armature, joint by joint, and one
    whose T-pose the user has shown."""
    take = symmetric(walking_take(122, RATE))
    rig = a_pose_rig()
    install = "extension" if which == "bpy" else "addon"
    answer = followed(which, tmp_path, [take], 120, vmc=True, install=install, own=[0], fps=60,
                      rigs=[rig], shown=True)  # fmt: skip
    _, name = answer["names"]
    bones = [bone for bone in answer["mapped"][name] if bone in JOINT_OF]
    poses = rows(answer["keys"][name]["poses"], bones)
    found = BLENDER.points_to_world(poses[..., :3])
    # VMC tells when a frame was sent, not when it was captured: at that moment its pose must be.
    at = np.arange(0, 120.95, 0.05)
    sent = sent_joints(take, bones, at)
    fits = [int(np.argmin(np.linalg.norm(sent - pose, axis=-1).max(1))) for pose in found]
    assert largest(found - sent[fits]) < 0.01
    times = np.array(answer["sent_s"]) - answer["sent_s"][0]
    expected = np.interp(np.arange(len(found)) / 60, times, np.arange(1, 121))
    assert len(found) >= 115
    assert np.abs(at[fits] - expected).max() < 1.0
    bones = list(answer["mapped"][rig["name"]])
    shown_rig = rows(answer["keys"][rig["name"]]["poses"], bones)
    follows(shown_rig[..., :3], shown_rig[..., 3:], bones, take, at[fits])
