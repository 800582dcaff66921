"""A collection on a real ray cluster of two nodes on this machine, a worker killed in the middle."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest

from lifting.errors import SealcapError
from realtime.batch.ray_crew import RayCrew
from realtime.models import store
from realtime.session import read_poses
from tests.realtime.batch.test_batch import busy, report, results, start, wait_for
from tests.realtime.batch.videos import FAST, plain_video

CLUSTER = """
import sys
from ray.cluster_utils import Cluster
node = {"num_cpus": 1, "node_ip_address": "127.0.0.1"}
cluster = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
cluster.add_node(**node)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Two nodes with one processor each; the address."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not here: pip install 'sealcap[sweep]'")
    if not store.is_pulled("movenet-lightning"):
        pytest.skip("models are not pulled")
    for name in ("ENABLE_WINDOWS_OR_OSX_CLUSTER", "ENABLE_UV_RUN_RUNTIME_ENV", "USAGE_STATS_ENABLED"):
        monkeypatch.setenv(f"RAY_{name}", "0")  # the first of them: on loopback, and nowhere else
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address, "the cluster did not start"
    yield address
    process.communicate("", timeout=60)


def workers() -> list[psutil.Process]:
    """ray's processes that have one of our videos."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if "process_text" in " ".join(process.info["cmdline"] or []):
            found.append(process)
    return found


@pytest.mark.real
@pytest.mark.models
def test_a_killed_worker_of_a_cluster(tmp_path: Path, cluster: str) -> None:
    """Both nodes work; kill -9 costs one attempt; every video is there once, with every frame."""
    videos, out = tmp_path / "videos", tmp_path / "out"
    for i in range(5):
        plain_video(videos / f"sub/{i}.mp4", 250, 40 + i)
    with start(videos, out, "--ray", cluster, *FAST) as process:
        wait_for(lambda: len(busy(out)) == 2, 120)
        working = workers()
        assert len(working) == 2
        assert len({worker.ppid() for worker in working}) == 2, "one on each node"
        working[0].kill()
        _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said.decode()
    found = report(out)
    assert Counter((v["status"], v["frames"], v["attempts"]) for v in found.values()) == {
        ("done", 250, 1): 4,
        ("done", 250, 2): 1,
    }
    assert set(results(out)) == {f"sub/{i}.mcap" for i in range(5)} | {"batch.json", "report.md"}
    for i in range(5):
        assert [m.seq for m in read_poses(out / f"sub/{i}.mcap")] == list(range(250))


def test_nobody_answers() -> None:
    """At an address without a cluster the error comes at once and says how to start one."""
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SealcapError, match="ray start --head"):
        RayCrew(f"127.0.0.1:{port}")
