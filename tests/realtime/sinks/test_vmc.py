"""VMC output against a receiver that behaves as EVMC4U does, over real UDP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from pythonosc.osc_packet import OscPacket

from lifting.errors import ConfigError, SinkError
from lifting.skeleton import BONES, SEALCAP26
from realtime.build import build_sinks
from realtime.config import OutputConfig, PersonConfig, RunConfig
from realtime.data import Frame, Motion, State
from realtime.osc_packets import BUNDLE, message
from realtime.sinks.vmc import VmcOptions, VmcSink
from realtime.sources.synthetic import SyntheticSource
from realtime.vmc.commands import CommandPort, Commands
from realtime.vmc.presets import PRESETS
from tests.realtime.pipeline_rig import Collector, TruthTracker, pipeline
from tests.realtime.sinks.evmc4u import Evmc4u
from tests.realtime.sinks.motions import PUBLISHED, make_motion, spoiled, with_poses
from tests.realtime.vmc.test_rigs import JOINT, UNITY_FROM_WORLD

STEP_S = 1 / 60


@pytest.fixture(scope="module")
def motions() -> list[Motion]:
    """What the real pipeline makes of the synthetic figure's whole routine."""
    sink = Collector()
    source = SyntheticSource(15, (160, 120))
    pipeline(source, TruthTracker(), sink, lossless=True).run(threading.Event())
    return sink.motions


def play(sink: VmcSink, motions: list[Motion], receiver: Evmc4u, begin_s: float = 1000.0):  # type: ignore[no-untyped-def]
    """Send one frame after another, 60 a second of a pretended clock; yields after each has arrived."""
    for number, motion in enumerate(motions):
        before = receiver.frames
        sink._send(motion, begin_s + number * STEP_S)
        deadline = time.monotonic() + 2
        while receiver.frames == before and receiver.shutdown is None and time.monotonic() < deadline:
            time.sleep(0.0001)
        receiver.render()
        assert receiver.frames == before + 1
        yield motion


def expected(motion: Motion, joint: str) -> np.ndarray:
    """Our joint in Unity's axes."""
    return motion.people[0].joints_world[SEALCAP26.index(joint)] * UNITY_FROM_WORLD


def test_the_avatar_is_where_the_person_is(motions: list[Motion]) -> None:
    """With measured offsets the receiver's kinematics put every joint within 1 cm, over the whole routine."""
    worst = 0.0
    with Evmc4u() as receiver:
        sink = VmcSink("127.0.0.1", receiver.port, VmcOptions(offsets="measured"))
        sink.open()
        for number, motion in enumerate(play(sink, motions, receiver)):
            if number > 60 and number % 3:
                continue  # the lengths of bones are learned in the first seconds
            for bone, joint in JOINT.items():
                error = np.linalg.norm(receiver.avatar.world(bone)[0] - expected(motion, joint))
                worst = max(worst, float(error))
        sink.close()
    assert receiver.shutdown is None
    assert receiver.frames == len(motions) + 1  # and the goodbye
    assert worst < 0.01


def test_a_live_run_arrives_in_time() -> None:
    """The whole way at its own pace: source, solver, thread, network, avatar; nothing lost, nothing late."""
    ours = Collector()
    with Evmc4u() as receiver:
        sink = VmcSink("127.0.0.1", receiver.port, VmcOptions(offsets="measured"))
        source = SyntheticSource(30, (160, 120), paced=True, duration_s=2)
        summary = pipeline(source, TruthTracker(), ours, sink).run(threading.Event())
    assert (summary.sinks[1].failure, receiver.shutdown) == (None, None)
    assert receiver.frames == summary.sinks[1].sent + 1
    assert receiver.time_s == pytest.approx(2.0, abs=0.4)
    for bone, joint in JOINT.items():
        error = np.linalg.norm(receiver.avatar.world(bone)[0] - expected(ours.motions[-1], joint))
        assert error < 0.01, bone


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_keeps_the_avatar_upright(preset: str, motions: list[Motion]) -> None:
    """Standing and walking: head over hips over feet, left on the left, facing as the person does."""
    walk = motions[:160:3]
    with Evmc4u() as receiver:
        sink = VmcSink("127.0.0.1", receiver.port, VmcOptions(preset))
        sink.open()
        for number, motion in enumerate(play(sink, walk, receiver)):
            head, hips, foot = (receiver.avatar.world(b)[0] for b in ("Head", "Hips", "LeftFoot"))
            assert head[1] - hips[1] > 0.35
            assert hips[1] - foot[1] > 0.35
            lowest = min(foot[1], receiver.avatar.world("RightFoot")[0][1])
            own = min(expected(motion, joint)[1] for joint in ("left_ankle", "right_ankle"))
            assert lowest == pytest.approx(own, abs=0.12)  # another body's legs, on the same floor
            assert -0.1 < lowest < 0.2
            across = receiver.avatar.world("LeftUpperLeg")[0] - receiver.avatar.world("RightUpperLeg")[0]
            ours = expected(motion, "left_hip") - expected(motion, "right_hip")
            assert across @ ours > 0.9 * np.linalg.norm(across) * np.linalg.norm(ours)
            if number == 0 and PRESETS[preset].centred:
                assert np.allclose(hips[[0, 2]], 0.0, atol=1e-5)
        sink.close()
    assert receiver.shutdown is None


def test_a_loss_is_told_held_and_eased_and_the_stream_goes_on(motions: list[Motion]) -> None:
    """Status 0, the same pose, then standing; never a frame without time; back with status 1."""
    there = motions[100]
    nobody = with_poses(there)
    heads, told = [], []
    with Evmc4u() as receiver:
        sink = VmcSink("127.0.0.1", receiver.port, VmcOptions(rest_after_s=1.0))
        sink.open()
        script = [nobody] * 3 + [there] * 3 + [nobody] * 150 + [there] * 30
        for _ in play(sink, script, receiver):
            heads.append(receiver.avatar.world("LeftHand")[0])
            told.append(receiver.ok)
        sink.close()
    assert told[0] == [1, 3, 0, 0]
    assert told[3:6] == [[1, 3, 0, 1]] * 3
    assert told[6:156] == [[1, 3, 0, 0]] * 150
    assert told[-1] == [1, 3, 0, 1]
    hand = np.array(heads[3:])
    assert np.ptp(hand[:60], axis=0).max() < 1e-6
    assert np.linalg.norm(hand[150] - hand[0]) > 0.05
    assert np.abs(np.diff(hand, axis=0)).max() < 0.15
    assert np.allclose(hand[-1], hand[0], atol=1e-6)


class Unplugged(SyntheticSource):
    """A camera that gives ten pictures and is then pulled out."""

    def frames(self) -> Iterator[Frame]:
        for frame in super().frames():
            if frame.index == 10:
                self._closed.wait()
                return
            yield frame


def test_a_camera_that_is_pulled_out_is_a_loss_and_no_silence() -> None:
    """Half a second after the last picture the status is bad, and the stream goes on; no frame is made up."""
    stop, seconds = threading.Event(), []
    with Evmc4u() as receiver:

        def watch() -> None:
            begin = time.monotonic()
            while receiver.frames < 25 and time.monotonic() - begin < 20:
                time.sleep(0.02)
            seconds.append(time.monotonic() - begin)
            stop.set()

        sink = VmcSink("127.0.0.1", receiver.port)
        line = pipeline(Unplugged(30, (160, 120), paced=True), TruthTracker(), sink)  # type: ignore[arg-type]
        watcher = threading.Thread(target=watch)
        watcher.start()
        summary = line.run(stop)
        watcher.join()
    assert summary.accounted
    assert summary.published <= 10
    assert seconds[0] < 19, "it fell silent"
    told = [
        timed.message.params[3]
        for packet in receiver.packets
        for timed in OscPacket(packet).messages
        if timed.message.address == "/VMC/Ext/OK"
    ]
    assert told[0] == 1
    assert set(told[told.index(0) :]) == {0}


def test_numbers_that_are_not_finite_never_leave(motions: list[Motion]) -> None:
    """Whatever is broken in a pose, what arrives is finite, and the receiver hears of a loss."""
    good = motions[50]
    bad = [with_poses(good, spoiled(good.people[0], field)) for field in PUBLISHED]
    for offsets in ("rest", "measured", "zero"):
        with Evmc4u() as receiver:
            sink = VmcSink("127.0.0.1", receiver.port, VmcOptions(offsets=offsets))
            sink.open()
            for number, _ in enumerate(play(sink, [bad[0], good, *bad, good], receiver)):
                assert receiver.ok[3] == int(number in (1, 2 + len(bad)))
            sink.close()
        numbers = [
            value
            for packet in receiver.packets
            for timed in OscPacket(packet).messages
            for value in timed.message.params
            if isinstance(value, float)
        ]
        assert numbers
        assert np.isfinite(numbers).all()


def test_the_receiver_is_never_flooded(motions: list[Motion]) -> None:
    """At 500 frames a second from us, a receiver that draws 20 pictures a second still drops nothing."""
    with Evmc4u() as receiver:
        sink = VmcSink("127.0.0.1", receiver.port, VmcOptions(rate_hz=100.0))
        sink.open()
        for number in range(1000):
            sink._send(motions[number % 200], 1000 + number / 500)
            if number % 25 == 0:
                time.sleep(0.01)
                receiver.render()
        time.sleep(0.05)
        sink.close()
    assert receiver.dropped == 0
    assert 195 <= receiver.frames <= 212


def test_the_receiver_of_the_tests_does_stop_for_good() -> None:
    """It is no tame one: a missing argument ends it, as it ends EVMC4U; a wrong type is ignored."""
    with Evmc4u() as receiver:
        receiver.receive(BUNDLE + message("/VMC/Ext/T", "i", 3))
        assert (receiver.shutdown, receiver.time_s) == (None, -1.0)
        receiver.receive(BUNDLE + message("/VMC/Ext/T", ""))
        assert receiver.shutdown is not None
        receiver.receive(BUNDLE + message("/VMC/Ext/T", "f", 1.0))
        assert receiver.time_s == -1.0


def test_one_person_per_port(motions: list[Motion]) -> None:
    """The first to PORT, the second to PORT + 1; a place without a person says so."""
    people = [replace(motions[i].people[0], person_id=i) for i in (10, 200)]
    both = with_poses(motions[10], *people)
    first, second = _neighbours()
    with first, second:
        sink = VmcSink("127.0.0.1", first.port, VmcOptions(places=2))
        sink.open()
        for _ in play(sink, [both, both], first):
            pass
        _wait(lambda: second.frames == 2)
        for receiver, person in ((first, people[0]), (second, people[1])):
            hips = receiver.avatar.world("Hips")[0]
            assert np.allclose(hips, person.root_world * UNITY_FROM_WORLD, atol=1e-6)
        sink._send(with_poses(both, people[1]), 1001.0)
        _wait(lambda: second.frames == 3 and first.frames == 3)
        assert (first.ok[3], second.ok[3]) == (0, 1)
        sink.close()


def _neighbours() -> tuple[Evmc4u, Evmc4u]:
    """Receivers on two ports in a row."""
    while True:
        first = Evmc4u()
        try:
            return first, Evmc4u(port=first.port + 1)
        except OSError:
            first.close()


def _wait(condition) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 2
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert condition()


def test_commands_are_obeyed(motions: list[Motion]) -> None:
    """Rarer bones when asked, everything at a request, the middle of the stage at a calibration."""
    commands = Commands()
    still = motions[30]
    with Evmc4u() as receiver:
        sink = VmcSink("127.0.0.1", receiver.port, VmcOptions(), commands)
        sink.open()
        frames = play(sink, [still] * 8, receiver)
        commands.obey("/VMC/Ext/Set/Period", [1, 1, 4, 1, 1, 1], 0.0)
        counts = []
        for number, _ in enumerate(frames):
            counts.append(sum(len(OscPacket(p).messages) for p in receiver.packets) - sum(counts))
            if number == 4:
                commands.obey("/VMC/Ext/Set/Req", [], 0.0)
        whole = 1 + len(BONES) + 2
        assert counts == [whole, 3, 3, 3, whole, whole, 3, 3]
        commands.obey("/VMC/Ext/Set/Period", [1, 1, 1, 1, 1, 1], 0.0)
        commands.obey("/VMC/Ext/Set/Calib/Ready", [], 1001.0)
        (_,) = play(sink, [still], receiver, 1001.0)
        assert receiver.ok == [1, 1, 0, 1]
        commands.obey("/VMC/Ext/Set/Calib/Exec", [0], 1001.0)
        (_,) = play(sink, [still], receiver, 1002.0)
        assert receiver.ok == [1, 2, 0, 1]
        (_,) = play(sink, [still], receiver, 1003.0)
        assert receiver.ok == [1, 3, 0, 1]
        place, _ = receiver.avatar.world("Hips")
        assert np.allclose(place[[0, 2]], 0.0, atol=1e-5)
        across = receiver.avatar.world("LeftUpperLeg")[0] - receiver.avatar.world("RightUpperLeg")[0]
        assert across[0] < 0
        assert abs(across[2]) < 0.05 * abs(across[0])
        sink.close()


def test_time_runs_and_the_end_is_told(motions: list[Motion]) -> None:
    """T rises from 0 by the sender's clock; the last word is that nobody is tracked."""
    with Evmc4u() as receiver:
        sink = VmcSink("127.0.0.1", receiver.port)
        sink.open()
        times = [receiver.time_s for _ in play(sink, motions[:60], receiver)]
        sink.close()
        sink.close()
    assert np.allclose(times, np.arange(60) * STEP_S, atol=1e-4)
    assert receiver.ok == [1, 3, 0, 0]
    assert receiver.time_s == times[-1]


def test_a_receiver_may_come_and_go() -> None:
    """Nobody listening, then somebody: no error, and they get everything at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    sink = VmcSink("127.0.0.1", port)
    sink.open()
    for seq in range(20):
        sink._send(make_motion(seq), 1000 + seq * STEP_S)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", port))
        receiver.settimeout(2)
        sink._send(make_motion(20), 1001.0)
        assert len(receiver.recv(4096)) > 1000
    sink.close()


def test_an_unknown_receiver_is_named() -> None:
    """The message says which host, and shows an address that works."""
    sink = VmcSink("no-such-host.invalid", 39539)
    with pytest.raises(SinkError, match=r"no-such-host\.invalid.*--vmc 127\.0\.0\.1:39539"):
        sink.open()
    sink.close()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"preset": "vseefase"}, "vseeface"),
        ({"rate_hz": 200.0}, "1 to 100"),
        ({"offsets": "no.vrm"}, "no.vrm"),
    ],
)
def test_impossible_options_are_refused(wrong: dict, says: str) -> None:
    """The message names what would be right."""
    with pytest.raises(ConfigError, match=says):
        VmcSink(options=VmcOptions(**wrong))


def test_settings_become_outputs() -> None:
    """Each --vmc and --vrchat is an output; the first listens for commands, but never to ourselves."""
    out = OutputConfig(vmc=["127.0.0.1:39539", "127.0.0.1:50000"], vrchat=["127.0.0.1:9000"])
    sinks = build_sinks(RunConfig(out=out))
    assert [sink.name for sink in sinks] == [
        "vmc 127.0.0.1:39539",
        "vmc 127.0.0.1:50000",
        "vrchat 127.0.0.1:9000",
    ]
    ports = [sink._command_port for sink in sinks]  # type: ignore[attr-defined]
    assert isinstance(ports[0], CommandPort)
    assert ports[1:] == [None, None]
    assert len({id(sink._commands) for sink in sinks}) == 1  # type: ignore[attr-defined]
    each = RunConfig(out=out.model_copy(update={"vmc_people": "each"}), person=PersonConfig(people=2))
    assert build_sinks(each)[0]._command_port is None  # type: ignore[attr-defined]


def test_somebody_reported_lost_is_not_acted_on(motions: list[Motion]) -> None:
    """The joints of a LOST person are old; they count as nobody."""
    there = motions[40]
    gone = with_poses(there, replace(motions[300].people[0], state=State.LOST))
    with Evmc4u() as receiver:
        sink = VmcSink("127.0.0.1", receiver.port)
        sink.open()
        places = [receiver.avatar.world("Hips")[0] for _ in play(sink, [there, gone], receiver)]
        assert receiver.ok[3] == 0
        sink.close()
    assert np.array_equal(places[0], places[1])
