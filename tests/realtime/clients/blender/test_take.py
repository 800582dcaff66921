"""What a take keeps of what came, and which pose it has when."""

from __future__ import annotations

import pytest

from realtime.clients.blender.sealcap_blender.person import Person
from realtime.clients.blender.sealcap_blender.take import Clock, Recording, Track


def person(time_s: float | None, received_s: float, x: float = 0.0, state: str = "tracking") -> Person:
    """Somebody at a place along X."""
    rotations = {} if state == "lost" else {"Hips": (0.0, 0.0, 0.0, 1.0)}
    return Person(1, state, time_s, received_s, (x, 0.0, 0.0), rotations)


def walk(*times: float) -> Track:
    """Somebody whose place is the time."""
    track = Track()
    for time_s in times:
        track.add(time_s, person(time_s, time_s, time_s))
    return track


def test_poses_lie_between_frames() -> None:
    """At any time the place is the time, whatever the rate at which frames came."""
    track = walk(0.0, 0.031, 0.07, 0.1, 0.21)
    for time_s in (0.0, 0.01, 0.05, 0.1, 0.2, 0.21):
        assert track.at(time_s).hips[0] == pytest.approx(time_s)
    assert track.at(-1).hips[0] == 0.0
    assert track.at(9).hips[0] == 0.21


def test_gaps_are_held() -> None:
    """Nobody for a second: the pose before stays until the next comes."""
    track = walk(0.0, 0.1, 1.1, 1.2)
    assert track.at(1.0).hips[0] == pytest.approx(0.1)
    assert track.at(1.15).hips[0] == pytest.approx(1.15)


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 60, 120])
def test_whole_frames_of_the_scene(fps: float) -> None:
    """From the first frame at or after the beginning to the last one at or before the end."""
    track = walk(*[0.5 + i / 27 for i in range(55)])
    frames = list(track.frames(fps))
    numbers = [n for n, _ in frames]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert numbers[0] - 1 < 0.5 * fps <= numbers[0] + 1e-6
    assert numbers[-1] - 1e-6 <= 2.5 * fps < numbers[-1] + 1
    for n, pose in frames:
        assert pose.hips[0] == pytest.approx(n / fps)


def test_frames_that_go_back_are_left_out() -> None:
    """Times rise; a lost person is not a pose."""
    track = walk(0.0, 0.2, 0.1, 0.2, 0.3)
    track.add(0.4, person(0.4, 0.4, state="lost"))
    assert track.times_s == [0.0, 0.2, 0.3]


def test_the_clock_is_the_cameras() -> None:
    """Frames that arrive late or in bursts have the times at which they were taken."""
    clock = Clock()
    late = [0.0, 0.3, 0.0, 0.9, 0.1]
    taken = [clock.seconds(person(1000 + i / 10, 50 + i / 10 + d)) for i, d in enumerate(late)]
    assert taken == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_a_clip_that_begins_anew_goes_on() -> None:
    """When the sender's clock jumps, the take goes on by ours; without a clock ours is all there is."""
    clock = Clock()
    assert clock.seconds(person(1000.0, 50.0)) == 0.0
    assert clock.seconds(person(990.0, 51.0)) == pytest.approx(1.0)
    assert clock.seconds(person(990.1, 51.4)) == pytest.approx(1.1)
    assert clock.seconds(person(None, 52.0)) == pytest.approx(2.0)


def test_a_take_keeps_everybody_by_one_clock() -> None:
    """Two armatures, one of which begins later; the length is that of the longest."""
    recording = Recording("Take 1", 1)
    for i in range(10):
        recording.add("A", person(100 + i / 10, i / 10))
        if i >= 5:
            recording.add("B", person(100 + i / 10, i / 10))
    assert recording.tracks["A"].times_s[0] == 0.0
    assert recording.tracks["B"].times_s[0] == pytest.approx(0.5)
    assert recording.seconds == pytest.approx(0.9)
