"""The strip of pictures of `--robot-view` in docs/robots.md: the web page of a real run, in a real browser.

    sealcap run demo --max-speed --headless --record demo.mcap
    python -m benchmarks.robot_view_pictures demo.mcap [--robot g1] [--out docs/robot-view.jpg]

Needs Chromium (CHROMIUM=, or in PATH) and `pip install playwright`. Drawn in software it takes a minute; the
session is played from its file, so that no network competes with the browser.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

WIDTH, HEIGHT = 1180, 700
CUT = np.s_[140:690, 60:610]
"""Of the page, what is kept: person and robot, without the panel."""
FLAGS = ["--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"]
PICTURES, PAUSE_MS, RAMP_MS = 10, 2300, 8000


def photographed(url: str) -> list[Picture]:
    """The page, again and again while the person moves."""
    from playwright.sync_api import sync_playwright

    browser_path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        tab.goto(url)
        _enter(tab)
        pictures = []
        for _ in range(PICTURES):
            tab.wait_for_timeout(PAUSE_MS)
            shot = np.frombuffer(tab.screenshot(), np.uint8)
            pictures.append(np.asarray(cv2.imdecode(shot, cv2.IMREAD_COLOR), np.uint8))
        browser.close()
    return pictures


def _enter(tab: Any) -> None:
    """Wait for person and robot, and put away the notice that covers them."""
    tab.wait_for_selector("canvas", timeout=60_000)
    tab.wait_for_selector("text=tracking", timeout=60_000)
    tab.wait_for_timeout(RAMP_MS)
    notice = tab.locator(".mantine-Notification-closeButton")
    if notice.count():
        notice.first.click()


def run(session: Path, robot: str) -> list[Picture]:
    """A run with the robot beside the person, photographed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [
        "replay",
        str(session),
        "--loop",
        "--robot",
        robot,
        "--robot-view",
        "--robot-armed",
        "--web-port",
        str(port),
    ]
    words += ["--robot-control", "tcp://127.0.0.1:*"]
    command = [sys.executable, "-c", "import sys; from realtime.cli import main; sys.exit(main())", *words]
    process = subprocess.Popen(command)
    try:
        _wait_for(port, process)
        return photographed(f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
        raise SystemExit("The run has ended before its page was there.")
    raise SystemExit("The page did not come up.")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("session", type=Path)
    parser.add_argument("--robot", default="g1")
    parser.add_argument("--keep", type=int, nargs="+", default=[0, 8, 9], help="which pictures, of ten")
    parser.add_argument("--all", type=Path, help="folder for all pictures, to choose from")
    parser.add_argument("--out", type=Path, default=Path("docs/robot-view.jpg"))
    args = parser.parse_args()
    found = run(args.session, args.robot)
    if args.all is not None:
        for number, picture in enumerate(found):
            cv2.imwrite(str(args.all / f"{number}.png"), picture)
    strip = np.hstack([found[number][CUT] for number in args.keep])
    cv2.imwrite(str(args.out), cv2.resize(strip, None, fx=0.64, fy=0.64, interpolation=cv2.INTER_AREA),
                [cv2.IMWRITE_JPEG_QUALITY, 72])  # fmt: skip


if __name__ == "__main__":
    main()
