"""The cockpit in a real browser: every control pressed, and the run behind it changed by it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from realtime.retarget.robot_pose import RobotState
from realtime.retarget.steady import deadman
from realtime.take_report import take_report
from tests.realtime.web.chromium import browser_tab, close_notice
from tests.realtime.web.cockpit_rig import Rig, free_port, running, settings, wait_for

pytestmark = pytest.mark.real
TABLET = (1024, 768)
DESK = (1280, 720)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A run with one output."""
    with running(settings(tmp_path / "takes", zmq=[f"tcp://127.0.0.1:{free_port()}"])) as found:
        yield found


def enter(tab: Any, rig: Rig) -> None:
    """Open the page and wait until it shows the run."""
    tab.goto(rig.url)
    tab.wait_for_selector("canvas", timeout=30_000)
    tab.wait_for_selector("text=tracking", timeout=30_000)
    tab.wait_for_timeout(3000)
    close_notice(tab)


def go_to(tab: Any, title: str) -> None:
    """Choose a tab of the panel."""
    tab.get_by_role("tab", name=title).click()
    tab.wait_for_timeout(700)


def shoot(tab: Any, path: Path) -> Any:
    """A picture of the page as an array (H,W,3); kept in the folder SEALCAP_SHOTS, when that is set."""
    tab.screenshot(path=path)
    if target := os.environ.get("SEALCAP_SHOTS"):
        shutil.copy(path, Path(target) / path.name)
    return cv2.imread(str(path))


def labelled(tab: Any, label: str) -> Any:
    """The control that belongs to a label."""
    return tab.locator(f'[id="{tab.locator("label", has_text=label).first.get_attribute("for")}"]')


def test_two_takes_are_recorded_and_listed(rig: Rig, tmp_path: Path) -> None:
    """By button and by key; names count up, both are in the list and in the folder, whole."""
    with browser_tab(*DESK) as tab:
        enter(tab, rig)
        go_to(tab, "Record")
        tab.get_by_role("button", name="Record (R)").click()
        tab.wait_for_selector("text=● REC take-001", timeout=10_000)
        tab.wait_for_timeout(1500)
        shoot(tab, tmp_path / "record.png")
        tab.get_by_role("button", name="Stop (R)").click()
        tab.wait_for_selector("text=● REC", state="detached", timeout=10_000)
        wait_for(lambda: tab.get_by_role("textbox").first.input_value() == "take-002")
        tab.get_by_role("textbox").first.fill("../escape")
        tab.get_by_role("button", name="Record (R)").click()
        tab.get_by_text("A take's name has 1 to 64").first.wait_for(timeout=10_000)
        tab.get_by_role("textbox").first.fill("walk-7")
        tab.get_by_role("textbox").first.blur()
        tab.keyboard.press("r")
        tab.wait_for_selector("text=● REC walk-7", timeout=10_000)
        tab.wait_for_timeout(1500)
        tab.keyboard.press("r")
        for name in ("take-001", "walk-7"):
            tab.get_by_role("cell", name=name).wait_for(timeout=10_000)
    for name in ("take-001", "walk-7"):
        report = take_report(tmp_path / "takes" / f"{name}.mcap")
        assert report.whole
        assert report.frames > 5
    assert not list(tmp_path.glob("*.mcap*"))


def test_the_solver_obeys(rig: Rig, tmp_path: Path) -> None:
    """Smoothing, foot lock, mirror and height are set at the page and reach the solver."""
    with browser_tab(*DESK) as tab:
        enter(tab, rig)
        go_to(tab, "Body")
        shoot(tab, tmp_path / "body.png")
        slider = tab.get_by_role("slider").first
        slider.focus()
        for _ in range(4):
            tab.keyboard.press("ArrowRight")  # keyboard alone will do
        wait_for(lambda: rig.pipeline.options.smooth == pytest.approx(0.7))
        labelled(tab, "Mirror").click()
        wait_for(lambda: rig.pipeline.options.mirror)
        labelled(tab, "Foot lock").click()
        tab.get_by_role("option", name="never").click()
        wait_for(lambda: rig.pipeline.options.foot_lock == "never")
        labelled(tab, "Guess height").click()
        wait_for(lambda: rig.pipeline.options.height_m == 1.7)
        labelled(tab, "Height (m)").fill("1.85")
        labelled(tab, "Height (m)").press("Enter")
        wait_for(lambda: rig.pipeline.options.height_m == 1.85)
        tab.get_by_role("button", name="Measure floor").click()
        tab.get_by_text("m above the floor").wait_for(timeout=15_000)


def test_an_output_goes_off_and_on(rig: Rig, tmp_path: Path) -> None:
    """The switch closes it and opens it again; the table tells."""
    (output,) = rig.cockpit.outputs.all
    with browser_tab(*DESK) as tab:
        enter(tab, rig)
        go_to(tab, "Outputs")
        shoot(tab, tmp_path / "outputs.png")
        labelled(tab, "zmq").click()
        wait_for(lambda: output.state == "off")
        tab.get_by_role("cell", name="off", exact=True).wait_for(timeout=10_000)
        labelled(tab, "zmq").click()
        wait_for(lambda: output.state == "on")
        tab.get_by_role("cell", name="on", exact=True).wait_for(timeout=10_000)


def test_a_click_chooses_a_person(rig: Rig) -> None:
    """The place that was clicked in the picture arrives in pixels of the frame."""
    with browser_tab(*DESK) as tab:
        enter(tab, rig)
        go_to(tab, "Camera")
        tab.get_by_role("button", name="Follow somebody else").click()
        tab.wait_for_timeout(4000)
        tab.mouse.click(445, 360)
        wait_for(lambda: rig.eyes.chosen)
    x_px, y_px = rig.eyes.chosen[0]
    assert abs(x_px - 320) < 30
    assert abs(y_px - 180) < 30


def test_a_source_that_stops_is_told(rig: Rig, tmp_path: Path) -> None:
    """Without new pictures a banner says so, while the page still stands; with a restart it goes again."""
    with browser_tab(*DESK) as tab:
        enter(tab, rig)
        rig.pipeline.control.awaits_source = True
        rig.pipeline.capture.source.close()
        tab.wait_for_selector("text=No new pictures", timeout=15_000)
        shoot(tab, tmp_path / "banner.png")
        go_to(tab, "Camera")
        tab.get_by_role("button", name="Restart the camera").click()
        tab.wait_for_selector("text=No new pictures", state="detached", timeout=20_000)


def test_every_button_has_a_tooltip(rig: Rig) -> None:
    """Hovering shows what a button does; viser itself would show nothing."""
    style = "e => (s => [s.content, s.opacity])(getComputedStyle(e.parentElement, '::after'))"
    with browser_tab(*DESK) as tab:
        enter(tab, rig)
        for title, name in (("Camera", "Restart the camera"), ("Record", "Record (R)"), ("Body", "Measure")):
            go_to(tab, title)
            button = tab.get_by_role("button", name=name)
            assert float(button.evaluate(style)[1]) < 0.1
            button.hover()
            wait_for(lambda button=button: float(button.evaluate(style)[1]) > 0.9)
            assert len(button.evaluate(style)[0]) > 20


@pytest.mark.parametrize("size", [DESK, TABLET])
def test_dark_and_light_at_both_sizes(rig: Rig, tmp_path: Path, size: tuple[int, int]) -> None:
    """Light is lighter, for whoever asked; nothing sticks out of the panel, graphs are drawn."""
    with browser_tab(*size) as tab:
        enter(tab, rig)
        go_to(tab, "Health")
        tab.wait_for_timeout(3000)
        dark = shoot(tab, tmp_path / f"dark-{size[0]}.png")
        tab.keyboard.press("l")
        tab.wait_for_timeout(3000)
        light = shoot(tab, tmp_path / f"light-{size[0]}.png")
        assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert tab.locator(".u-over").count() == 2
        tab.keyboard.press("l")
        tab.wait_for_timeout(3000)
        again = shoot(tab, tmp_path / "again.png")
    assert dark.mean() < 70
    assert light.mean() > 140
    assert again.mean() < 70


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that draws 3D without a GPU stands still for longer than the robot would wait."""
    monkeypatch.setattr(deadman, "LIMIT_S", 2.0)


def test_the_robot_moves_only_while_the_button_is_held(patient: None, tmp_path: Path) -> None:
    """Held: ramping or following. Let go: braked and stopped. The E key: emergency stop, until the reset."""
    pytest.importorskip("mujoco")
    control = f"tcp://127.0.0.1:{free_port()}"
    config = settings(tmp_path / "takes", robot="humanoid", robot_view=True, robot_control=control)
    moving = (RobotState.RAMPING, RobotState.FOLLOWING)
    with running(config) as rig, browser_tab(*DESK) as tab:
        robot = rig.cockpit.robot
        assert robot is not None
        enter(tab, rig)
        go_to(tab, "Robot")
        assert robot.view.state is RobotState.DISARMED
        box = tab.get_by_role("button", name="Hold to move").bounding_box()
        tab.mouse.move(box["x"] + 50, box["y"] + 15)
        tab.mouse.down()
        wait_for(lambda: robot.view.state in moving)
        tab.wait_for_timeout(3000)
        assert robot.view.state in moving
        shoot(tab, tmp_path / "robot.png")
        tab.mouse.up()
        wait_for(lambda: robot.view.state is RobotState.STOPPED)
        tab.mouse.down()
        wait_for(lambda: robot.view.state in moving)
        tab.keyboard.press("e")
        wait_for(lambda: robot.view.state is RobotState.ESTOP)
        tab.wait_for_selector("text=Robot: emergency stop", timeout=10_000)
        tab.mouse.up()
        tab.get_by_role("button", name="Reset").click()
        wait_for(lambda: robot.view.state is RobotState.DISARMED)


def test_the_robot_stops_when_the_browser_goes(patient: None, tmp_path: Path) -> None:
    """Whoever closes the page with the button down lets go of it."""
    pytest.importorskip("mujoco")
    control = f"tcp://127.0.0.1:{free_port()}"
    config = settings(tmp_path / "takes", robot="humanoid", robot_control=control)
    with running(config) as rig:
        robot = rig.cockpit.robot
        assert robot is not None
        with browser_tab(*DESK) as tab:
            enter(tab, rig)
            go_to(tab, "Robot")
            box = tab.get_by_role("button", name="Hold to move").bounding_box()
            tab.mouse.move(box["x"] + 50, box["y"] + 15)
            tab.mouse.down()
            wait_for(lambda: robot.view.state in (RobotState.RAMPING, RobotState.FOLLOWING))
        wait_for(lambda: robot.view.state is RobotState.STOPPED)
