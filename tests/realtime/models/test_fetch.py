"""Archives and registry clients: the real pip and npm, against a registry of this test's own."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifting.errors import DownloadError
from realtime.models import fetch
from realtime.models.catalogue import Package


def tarball(path: Path, files: dict[str, bytes], link: str | None = None) -> Path:
    """A .tgz with `files`, and one symbolic link named `link`."""
    with tarfile.open(path, "w:gz") as tar:
        if link is not None:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def wheel(path: Path, files: dict[str, bytes]) -> Path:
    """A .whl with `files`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in files.items():
            bundle.writestr(name, data)
    return path


@pytest.mark.parametrize(("name", "write"), [("a.tgz", tarball), ("a.whl", wheel)])
def test_only_the_named_files_come_out(name: str, write: type, tmp_path: Path) -> None:
    """Nothing is written, also not what an archive wants to put elsewhere."""
    archive = write(tmp_path / name, {"../evil": b"x", "/abs": b"x", "p/good": b"good"})
    assert fetch.extract(archive, ["p/good"]) == {"p/good": b"good"}
    assert sorted(p.name for p in tmp_path.rglob("*")) == [name]
    with pytest.raises(DownloadError, match="has no file p/absent"):
        fetch.extract(archive, ["p/absent"])


def test_a_link_is_no_file(tmp_path: Path) -> None:
    """A symbolic link with the member's name is not followed."""
    archive = tarball(tmp_path / "a.tgz", {"other": b""}, link="p/good")
    with pytest.raises(DownloadError, match="has no file"):
        fetch.extract(archive, ["p/good"])


@pytest.mark.parametrize(("name", "write"), [("a.tgz", tarball), ("a.whl", wheel)])
def test_sizes_are_limited(name: str, write: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that unpacks to too much is refused."""
    monkeypatch.setattr(fetch, "MAX_MEMBER_BYTES", 1000)
    archive = write(tmp_path / name, {"big": bytes(1001), "fits": bytes(1000)})
    assert len(fetch.extract(archive, ["fits"])["fits"]) == 1000
    with pytest.raises(DownloadError, match="larger than"):
        fetch.extract(archive, ["big"])


@pytest.mark.parametrize(("name", "write"), [("a.tgz", tarball), ("a.whl", wheel)])
def test_damaged_archives(name: str, write: type, tmp_path: Path) -> None:
    """Cut off or rubbish: DownloadError."""
    archive = write(tmp_path / name, {"p/good": bytes(range(256)) * 100})
    whole = archive.read_bytes()
    for part in (b"", b"rubbish" * 50, whole[: len(whole) // 2], whole[:-30]):
        archive.write_bytes(part)
        try:
            assert fetch.extract(archive, ["p/good"])["p/good"] == bytes(range(256)) * 100
        except DownloadError as error:
            assert "try again" in str(error) or "has no file" in str(error)  # noqa: PT017


def test_a_wrong_hash_says_both() -> None:
    """Expected and actual SHA-256 stand in the message."""
    actual = hashlib.sha256(b"data").hexdigest()
    fetch.check_hash("x", b"data", actual)
    with pytest.raises(DownloadError) as caught:
        fetch.check_hash("x", b"data", "0" * 64)
    assert actual in str(caught.value)
    assert "0" * 64 in str(caught.value)


@pytest.fixture
def npm_registry(tmp_path: Path) -> Iterator[str]:
    """Address of an npm registry with one package, tiny 1.0.0."""
    manifest = json.dumps({"name": "tiny", "version": "1.0.0"}).encode()
    content = tarball(
        tmp_path / "r.tgz", {"package/package.json": manifest, "package/net": b"net"}
    ).read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            base = f"http://{self.headers['Host']}"
            dist = {"tarball": f"{base}/tiny.tgz", "shasum": hashlib.sha1(content).hexdigest()}
            versions = {"1.0.0": {"name": "tiny", "version": "1.0.0", "dist": dist}}
            page = {"name": "tiny", "dist-tags": {"latest": "1.0.0"}, "versions": versions}
            known = {"/tiny": json.dumps(page).encode(), "/tiny.tgz": content}
            body = known.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"{}")

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_uses_the_users_registry(
    npm_registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`npm pack` brings the package from where the user's settings say; what is not there is an error."""
    monkeypatch.setenv("npm_config_registry", npm_registry)
    seen: list[int] = []
    with fetch.work_folder(tmp_path / "a") as folder:
        package = Package(registry="npm", name="tiny", version="1.0.0", bytes=1)
        archive = fetch.fetch(package, folder, seen.append)
        assert fetch.extract(archive, ["package/net"]) == {"package/net": b"net"}
    assert seen
    with fetch.work_folder(tmp_path / "a") as folder:
        absent = Package(registry="npm", name="absent", version="1.0.0", bytes=1)
        with pytest.raises(DownloadError, match=r"npm absent 1.0.0: npm err.*404"):
            fetch.fetch(absent, folder)
    assert list((tmp_path / "a").iterdir()) == []


def test_pip_without_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that cannot be had is one clear error."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    package = Package(registry="pypi", name="absent-thing", version="1.0", bytes=1)
    with (
        fetch.work_folder(tmp_path) as folder,
        pytest.raises(DownloadError, match=r"Cannot fetch pypi absent-thing 1.0: ERROR: .* network"),
    ):
        fetch.fetch(package, folder)


def test_an_unwritable_cache_is_explained(tmp_path: Path) -> None:
    """Where a file stands in the way, the message names the variable that helps."""
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(DownloadError, match="SEALCAP_CACHE"),
        fetch.work_folder(tmp_path / "file" / "cache"),
    ):
        pass
