"""Every parser that meets outside bytes: a valid sample, and how bytes get in.

A parser may answer or raise SealcapError. Those that hear the network (`silent`) never raise at all.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lifting.errors import SealcapError
from realtime.paths import config_dir, weights_dir

Feed = Callable[[bytes, Path], object]
"""Bytes, and an empty folder to write them into where the parser reads files."""


@dataclass(frozen=True)
class Parser:
    """One entry."""

    name: str
    samples: Callable[[Path], list[bytes]]
    """Valid inputs, made in a folder that is given."""
    feed: Feed
    silent: bool = False
    native: bool = False
    """Its work is done by a C library that could take the process with it: runs in one of its own."""
    slow: float = 1.0
    """Runs are divided by this."""

    @property
    def allowed(self) -> tuple[type[Exception], ...]:
        """What it may raise."""
        return () if self.silent else (SealcapError,)


def _file(name: str, read: Callable[[Path], object]) -> Feed:
    def feed(data: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(data)
        answer = read(path)
        return list(answer) if isinstance(answer, Iterator) else answer

    return feed


# --- network


def _osc_samples(_: Path) -> list[bytes]:
    from realtime.osc_packets import bundles, message
    from realtime.sinks.osc import frame_packets
    from tests.realtime.sinks.motions import make_motion

    numbers = (1, 2, 3)
    commands = [message("/VMC/Ext/Set/Period", "iii", *numbers), message("/VMC/Ext/Set/Calib/Exec", "i", 1)]
    return [*bundles(commands), *frame_packets(make_motion(0, 1))]


def _osc(data: bytes, _: Path) -> object:
    from realtime.osc_receiver import messages
    from realtime.vmc.commands import Commands

    commands = Commands()
    found = list(messages(data))
    for address, arguments in found:
        commands.obey(address, arguments, 1.0)
    return found


def _blender(data: bytes, _: Path) -> object:
    from realtime.clients.blender.sealcap_blender.joints_stream import JointsStream
    from realtime.clients.blender.sealcap_blender.osc import messages
    from realtime.clients.blender.sealcap_blender.vmc_stream import VmcStream

    found = messages(data)
    return [stream.take(found, 1.0) for stream in (JointsStream(), VmcStream())]


def _pose_samples(_: Path) -> list[bytes]:
    from realtime.sinks.wire import encode_pose
    from tests.realtime.sinks.motions import make_motion

    return [encode_pose(make_motion(0, 2))]


def _keypoint_samples(_: Path) -> list[bytes]:
    from realtime.sinks.wire import encode_keypoints
    from tests.realtime.sinks.motions import make_motion

    return [encode_keypoints(make_motion(0, 2))]


def _meta_samples(_: Path) -> list[bytes]:
    from realtime.sinks.wire import StreamInfo, encode_meta
    from tests.realtime.sinks.motions import make_motion

    return [encode_meta(StreamInfo(source="a"), make_motion(0, 1))]


def _wire(name: str) -> Feed:
    def feed(data: bytes, _: Path) -> object:
        from realtime.sinks import wire

        return getattr(wire, name)(data)

    return feed


def _guard(data: bytes, _: Path) -> object:
    from realtime.web.guard import admits

    host, _, origin = data.decode("latin-1").partition("\n")
    return admits("127.0.0.1", host, origin)


# --- files


def _session_samples(folder: Path) -> list[bytes]:
    from tests.realtime.sessions import motion_at, record

    return [record(folder / "s.mcap", [motion_at(i, i / 30) for i in range(6)]).read_bytes()]


def _open_session_samples(folder: Path) -> list[bytes]:
    """The same without compression and checksums, so that damage gets through to what lies inside."""
    from mcap.reader import make_reader
    from mcap.writer import CompressionType, Writer

    out = io.BytesIO()
    writer = Writer(out, compression=CompressionType.NONE, enable_crcs=False, chunk_size=1 << 20)
    writer.start()
    reader = make_reader(io.BytesIO(_session_samples(folder)[0]))
    channels: dict[str, int] = {}
    for schema, channel, message in reader.iter_messages():
        if channel.topic not in channels:
            assert schema is not None
            schema_id = writer.register_schema(schema.name, schema.encoding, schema.data)
            channels[channel.topic] = writer.register_channel(
                channel.topic, channel.message_encoding, schema_id, dict(channel.metadata)
            )
        number = channels[channel.topic]
        writer.add_message(number, message.log_time, message.data, message.publish_time, message.sequence)
    for metadata in reader.iter_metadata():
        writer.add_metadata(metadata.name, dict(metadata.metadata))
    writer.finish()
    return [out.getvalue()]


def _session(path: Path) -> object:
    from realtime.recovery import recover
    from realtime.session import read_frames, read_header
    from realtime.take_report import take_report
    from realtime.takes.load import load_takes

    answers: list[object] = []
    out = path.with_name("out.mcap")
    for read in (
        take_report,
        load_takes,
        read_header,
        lambda p: list(read_frames(p)),
        lambda p: recover(p, out),
    ):
        try:
            answers.append(read(path))
        except SealcapError as error:
            answers.append(error)
    out.unlink(missing_ok=True)
    return answers


def _bvh_samples(_: Path) -> list[bytes]:
    from tests.training.conversion.test_bvh import ARM

    return [ARM.encode()]


def _bvh(path: Path) -> object:
    from training.conversion.bvh import read_bvh

    return read_bvh(path)


def _asf_samples(folder: Path) -> list[bytes]:
    from tests.training.conversion.conftest import _asf_file

    return [_asf_file(folder / "a.asf").read_bytes()]


def _asf(path: Path) -> object:
    from training.conversion.acclaim import read_asf

    return read_asf(path)


def _amc_samples(folder: Path) -> list[bytes]:
    from tests.training.conversion.conftest import make_figure

    figure = make_figure(3)
    found = [value for value in vars(figure).values() if isinstance(value, Path) and value.suffix == ".amc"]
    if found:
        return [found[0].read_bytes()]
    from tests.training.conversion.conftest import _amc_file

    return [_amc_file(folder / "a.amc", figure.motion).read_bytes()]


def _amc(data: bytes, folder: Path) -> object:
    from tests.training.conversion.conftest import _asf_file
    from training.conversion.acclaim import read_amc, read_asf

    skeleton = read_asf(_asf_file(folder / "a.asf"))
    (folder / "a.amc").write_bytes(data)
    return read_amc(folder / "a.amc", skeleton)


def _vrm_samples(folder: Path) -> list[bytes]:
    from tests.realtime.avatar.made_avatar import write_avatar

    for kind in ("vrm1", "vrm0"):
        write_avatar(folder / f"{kind}.vrm", kind)  # type: ignore[arg-type]
    return [(folder / f"{kind}.vrm").read_bytes() for kind in ("vrm1", "vrm0")]


def _vrm_skeleton(path: Path) -> object:
    from realtime.avatar_file import read_avatar

    return read_avatar(path)


def _vrm_model(path: Path) -> object:
    from realtime.avatar.model import read_model

    return read_model(path)


def _config_samples(_: Path) -> list[bytes]:
    return [(config_dir() / "live.yaml").read_bytes()]


def _config(path: Path) -> object:
    from realtime.config import load_run_config

    return load_run_config(str(path))


def _robot_samples(_: Path) -> list[bytes]:
    return [(config_dir() / "robots" / "g1.yaml").read_bytes()]


def _robot(path: Path) -> object:
    from realtime.retarget.robot_file import load_robot

    return load_robot(path)


URDF = b"""<?xml version="1.0"?><robot name="arm"><link name="base"/>
<link name="upper"><inertial><mass value="1"/>
<inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/></inertial></link>
<joint name="turn" type="revolute"><parent link="base"/><child link="upper"/><origin xyz="0 0 1" rpy="0 0 0"/>
<axis xyz="0 0 1"/><limit lower="-1" upper="1" effort="5" velocity="2"/></joint></robot>"""


def _urdf(path: Path) -> object:
    from realtime.retarget.model_source import read_model

    return read_model(path)


def _calibration_samples(folder: Path) -> list[bytes]:
    from lifting.calibration import Calibration, save_calibration

    matrix = ((905.1, 0.0, 640.2), (0.0, 904.8, 358.9), (0.0, 0.0, 1.0))
    made = Calibration(image_size=(1280, 720), camera_matrix=matrix, distortion=(0.1, -0.2, 0.0, 0.0, 0.0))
    save_calibration(made, folder / "c.yaml")
    return [(folder / "c.yaml").read_bytes()]


def _calibration(path: Path) -> object:
    from lifting.calibration import load_calibration

    return load_calibration(path)


def _metadata_samples(_: Path) -> list[bytes]:
    import onnx

    from lifting.metadata import KEY

    model = onnx.load(weights_dir() / "lifter-small.onnx")
    return [next(p.value for p in model.metadata_props if p.key == KEY).encode()]


def _metadata(data: bytes, _: Path) -> object:
    from lifting.metadata import KEY, read_metadata

    return read_metadata({KEY: data.decode("utf-8", "surrogateescape")})


def _lifter_samples(_: Path) -> list[bytes]:
    return [(weights_dir() / "lifter-small.onnx").read_bytes()]


def _lifter(path: Path) -> object:
    from lifting.lifter import Lifter

    lifter = Lifter.load(path)
    return lifter.lift(np.zeros((1, lifter.window_length, 21, 3), np.float32))


def _tensors_samples(folder: Path) -> list[bytes]:
    import torch

    from training.tensor_file import write_tensors

    write_tensors(folder / "t.safetensors", {"a": torch.zeros(3, 2)}, {"format": "test"})
    return [(folder / "t.safetensors").read_bytes()]


def _tensors(path: Path) -> object:
    from training.tensor_file import read_tensors

    return read_tensors(path, "checkpoint", "test", "x.yaml")


def _npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _detections_samples(_: Path) -> list[bytes]:
    n = 4
    made = _npz(
        points_px=np.zeros((n, 21, 2), np.float32),
        confidence=np.ones((n, 21), np.float32),
        capture_time_ns=np.arange(n),
        found=np.ones(n, bool),
        size=np.array([640, 480]),
    )
    return [made, _huge_npz()]


def _huge_npz() -> bytes:
    """A few bytes that say they are an array of a terabyte."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (274877906944,), }"
    header += b" " * (64 - (len(header) + 11) % 64) + b"\n"
    body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("points_px.npy", body)
    return file.getvalue()


def _detections(path: Path) -> object:
    from training.evaluate import load_detections

    return load_detections(path)


def _corpus_samples(_: Path) -> list[bytes]:
    from lifting.skeleton import SEALCAP26

    n, joints = 6, len(SEALCAP26)
    return [
        _npz(
            rel=np.zeros((n, joints, 3), np.float32),
            root=np.zeros((n, 3), np.float32),
            start=np.array([0, 3, 6]),
            joints=np.array(SEALCAP26.joints),
            stature=np.array([1.7, 1.8], np.float32),
            category=np.array(["a", "b"]),
            subject=np.array(["a", "b"]),
            fps=np.array(30.0),
        )
    ]


def _corpus(path: Path) -> object:
    from training.corpus import load_corpus

    return load_corpus(path.parent, "c", "train")


def _record_samples(_: Path) -> list[bytes]:
    import msgspec

    from realtime.batch.records import Job, Record

    job = Job("ab", "/v/a.mp4", "a.mp4", "/o", "a", "{}", "h", (".bvh",))
    return [msgspec.json.encode(Record("ab", "a.mp4", "a")), msgspec.json.encode(job)]


def _record(data: bytes, _: Path) -> object:
    from realtime.batch.records import decode_job, decode_record

    try:
        return decode_job(data)
    except SealcapError:
        return decode_record(data)


PARSERS = (
    Parser("osc", _osc_samples, _osc, silent=True),
    Parser("blender", _osc_samples, _blender, silent=True),
    Parser("wire-pose", _pose_samples, _wire("decode_pose")),
    Parser("wire-meta", _meta_samples, _wire("decode_meta")),
    Parser("wire-keypoints", _keypoint_samples, _wire("decode_keypoints")),
    Parser("page-guard", lambda _: [b"127.0.0.1:8080\nhttp://127.0.0.1:8080"], _guard, silent=True),
    Parser("session", _session_samples, _file("s.mcap", _session), silent=True, slow=6),
    Parser("session-inside", _open_session_samples, _file("s.mcap", _session), silent=True, slow=2),
    Parser("bvh", _bvh_samples, _file("a.bvh", _bvh)),
    Parser("asf", _asf_samples, _file("a.asf", _asf)),
    Parser("amc", _amc_samples, _amc, slow=2),
    Parser("vrm-skeleton", _vrm_samples, _file("a.vrm", _vrm_skeleton)),
    Parser("vrm-model", _vrm_samples, _file("a.vrm", _vrm_model), slow=2),
    Parser("config", _config_samples, _file("c.yaml", _config), slow=3),
    Parser("robot", _robot_samples, _file("r.yaml", _robot), slow=5),
    Parser("urdf", lambda _: [URDF], _file("r.urdf", _urdf)),
    Parser("calibration", _calibration_samples, _file("c.yaml", _calibration)),
    Parser("model-metadata", _metadata_samples, _metadata),
    Parser("lifter-onnx", _lifter_samples, _file("l.onnx", _lifter), native=True, slow=3),
    Parser("safetensors", _tensors_samples, _file("t.safetensors", _tensors)),
    Parser("detections-npz", _detections_samples, _file("d.npz", _detections)),
    Parser("corpus-npz", _corpus_samples, _file("c_train.npz", _corpus)),
    Parser("batch-record", _record_samples, _record),
)
BY_NAME = {parser.name: parser for parser in PARSERS}
