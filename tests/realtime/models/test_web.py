"""Archives from an https address, served here by a server with a certificate of its own."""

from __future__ import annotations

import hashlib
import io
import shutil
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from lifting.errors import DownloadError, ModelError
from realtime.cli import main
from realtime.models import catalogue as catalogue_module
from realtime.models import pins, store, web
from realtime.models.pins import FirstUse

NETWORK = b"pretend this is a network" * 1000
OTHER = b"and this another one" * 1000
LAYOUT = "20230831/rtmpose_onnx/rtmpose-m_simcc/end2end.onnx"
"""Where OpenMMLab's archives have it, beside deploy.json, detail.json and pipeline.json."""


def archive(files: dict[str, bytes]) -> bytes:
    """A zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)
    return out.getvalue()


@dataclass
class Site:
    """What the server gives, by path, and where it runs."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    requests: int = 0

    def publish(self, content: bytes, name: str = LAYOUT) -> None:
        """Put a network into the archive of the catalogue."""
        self.files["/m.zip"] = archive({name: content, "20230831/rtmpose_onnx/detail.json": b"{}"})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of localhost."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed; it makes the certificate of this test's server")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", str(path) + ".crt"]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + Path(str(path) + ".crt").read_bytes())
    return path


@pytest.fixture
def site(certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server on the loopback, a catalogue that names it, and a store of this test's own."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests += 1
            if self.path in site.redirects:
                self.send_response(302)
                self.send_header("Location", site.redirects[self.path])
                self.end_headers()
                return
            content = site.files.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"") + (7 if site.cut else 0)))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.port = server.server_address[1]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate) + ".crt")
    for proxy in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setenv("SEALCAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SEALCAP_PINS", str(tmp_path / "user" / "pins.yaml"))
    entry = {"what": "a network", "kind": "detector", "licence": "MIT", "package": "maker"}
    entry |= {"members": {"end2end.onnx": None}, "pin": "first-use", "convert": "none"}
    package = {"registry": "https", "address": f"https://localhost:{site.port}/m.zip", "bytes": 10_000}
    (tmp_path / "models.yaml").write_text(
        yaml.safe_dump({"packages": {"maker": package}, "models": {"m": entry}})
    )
    monkeypatch.setattr(catalogue_module, "config_dir", lambda: tmp_path)
    catalogue_module.catalogue.cache_clear()
    yield site
    catalogue_module.catalogue.cache_clear()
    server.shutdown()
    server.server_close()
    thread.join()


class Asked:
    """Answers the question, and remembers it."""

    def __init__(self, answer: bool = True) -> None:
        self.answer, self.shown = answer, list[FirstUse]()

    def __call__(self, first: FirstUse) -> bool:
        self.shown.append(first)
        return self.answer


def again() -> None:
    """Forget the file, not the pin."""
    store.path_of("m").unlink()


def test_the_first_pull_asks_and_the_next_ones_hold(site: Site) -> None:
    """The hash shown is that of the network; a second pull of the same file asks nobody."""
    site.publish(NETWORK)
    asked = Asked()
    store.pull(["m"], confirm=asked)
    assert store.model_path("m").read_bytes() == NETWORK
    (first,) = asked.shown
    assert first.sha256 == hashlib.sha256(NETWORK).hexdigest()
    assert first.address == f"https://localhost:{site.port}/m.zip"
    again()
    store.pull(["m"])
    assert store.is_pulled("m")
    assert len(asked.shown) == 1


def test_another_file_under_the_name_is_refused(site: Site) -> None:
    """Both hashes are said, nobody is asked, nothing is installed."""
    site.publish(NETWORK)
    store.pull(["m"], confirm=Asked())
    again()
    site.publish(OTHER)
    asked = Asked()
    with pytest.raises(DownloadError, match=hashlib.sha256(OTHER).hexdigest()) as caught:
        store.pull(["m"], confirm=asked)
    assert hashlib.sha256(NETWORK).hexdigest() in str(caught.value)
    assert not asked.shown
    assert not store.is_pulled("m")


def test_who_says_no_gets_nothing(site: Site) -> None:
    """Neither file nor pin."""
    site.publish(NETWORK)
    with pytest.raises(DownloadError, match="was not accepted"):
        store.pull(["m"], confirm=Asked(answer=False))
    assert not store.is_pulled("m")
    assert not pins.pins_file().exists()


def test_a_run_never_fetches_what_nobody_accepted(site: Site) -> None:
    """`ensure` names the command, and the server is not even asked."""
    site.publish(NETWORK)
    for console in (None, Console(file=(told := io.StringIO()))):
        with pytest.raises(ModelError, match="sealcap models pull m"):
            store.ensure(["m"], console)
    assert site.requests == 0
    assert not told.getvalue()  # nothing was announced that is not done


def test_the_command_shows_the_hash_and_wants_a_yes(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal --yes is the answer; `--all` leaves such models out."""
    site.publish(NETWORK)
    assert main(["models", "pull", "--all"]) == 0
    assert site.requests == 0
    assert main(["models", "pull", "m"]) == 1
    said = capsys.readouterr().err
    assert hashlib.sha256(NETWORK).hexdigest() in said
    assert "--yes" in said
    assert main(["models", "pull", "m", "--yes"]) == 0
    assert store.is_pulled("m")


def test_a_damaged_list_of_pins_trusts_nothing(site: Site) -> None:
    """It is not taken for an empty one."""
    site.publish(NETWORK)
    pins.pins_file().parent.mkdir()
    pins.pins_file().write_text("pins: [oops")
    with pytest.raises(DownloadError, match="cannot be read"):
        store.pull(["m"], confirm=Asked())
    assert not store.is_pulled("m")


@pytest.mark.parametrize(("files", "complaint"), [
    ({"a/readme.md": b"x"}, "0 files called end2end.onnx"),
    ({"a/end2end.onnx": b"x", "b/end2end.onnx": b"y"}, "2 files called"),
    ({"end2end.onnx/": b""}, "0 files called"),
])  # fmt: skip
def test_other_archives(site: Site, files: dict[str, bytes], complaint: str) -> None:
    """One network must be in it, in whatever folder."""
    site.files["/m.zip"] = archive(files)
    with pytest.raises(DownloadError, match=complaint):
        store.pull(["m"], confirm=Asked())


def test_paths_in_the_archive_lead_nowhere(site: Site, tmp_path: Path) -> None:
    """A name that climbs out of its folder is only a name: the content lands in the store."""
    site.publish(NETWORK, "../../../../end2end.onnx")
    before = {p for p in tmp_path.rglob("*") if p.is_file()}
    store.pull(["m"], confirm=Asked())
    new = {p for p in tmp_path.rglob("*") if p.is_file()} - before
    assert new == {store.path_of("m"), pins.pins_file()}


def test_a_bomb_is_not_unpacked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is read before the content."""
    site.publish(b"\0" * 3_000_000)
    monkeypatch.setattr(store.fetch, "MAX_MEMBER_BYTES", 1_000_000)
    with pytest.raises(DownloadError, match="no model of ours"):
        store.pull(["m"], confirm=Asked())


@pytest.mark.parametrize("spoil", [b"not a zip", b""])
def test_what_is_no_archive(site: Site, spoil: bytes) -> None:
    """Said as damaged."""
    site.files["/m.zip"] = spoil
    with pytest.raises(DownloadError, match="damaged"):
        store.pull(["m"], confirm=Asked())


def test_downloads_are_limited(site: Site) -> None:
    """Twice the announced size is the end."""
    site.files["/m.zip"] = b"x" * 30_000
    with pytest.raises(DownloadError, match="larger than"):
        store.pull(["m"], confirm=Asked())


def test_a_cut_download(site: Site) -> None:
    """Less than announced."""
    site.publish(NETWORK)
    site.cut = True
    with pytest.raises(DownloadError, match=r"cut off|IncompleteRead|Cannot fetch"):
        store.pull(["m"], confirm=Asked())


@pytest.mark.parametrize("to", ["http://localhost:9/m.zip", "file:///etc/passwd", "ftp://localhost/m.zip"])
def test_redirects_stay_on_https(site: Site, to: str) -> None:
    """Whatever the site says."""
    site.redirects["/m.zip"] = to
    with pytest.raises(DownloadError, match=r"not https|not allowed"):
        store.pull(["m"], confirm=Asked())


def test_a_redirect_to_https_is_followed(site: Site) -> None:
    """As content networks do it."""
    site.publish(NETWORK)
    site.files["/elsewhere.zip"] = site.files.pop("/m.zip")
    site.redirects["/m.zip"] = f"https://localhost:{site.port}/elsewhere.zip"
    store.pull(["m"], confirm=Asked())
    assert store.is_pulled("m")


def test_no_internet_is_said_clearly(site: Site) -> None:
    """The reason, and what else can be done."""
    with pytest.raises(DownloadError, match=r"Not Found.*takes the internet"):
        store.pull(["m"], confirm=Asked())


def test_certificates_are_checked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's own certificate is no authority by itself."""
    site.publish(NETWORK)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DownloadError, match="CERTIFICATE_VERIFY_FAILED"):
        store.pull(["m"], confirm=Asked())
    assert site.requests == 0


def test_only_https_addresses(tmp_path: Path) -> None:
    """Also where code asks."""
    with pytest.raises(DownloadError, match="not an https address"):
        web.download("http://localhost/m.zip", tmp_path / "x", 10)


def test_a_machine_without_network(tmp_path: Path) -> None:
    """Nothing listens: one sentence, exit code 1, no traceback."""
    code = (
        "import sys; from pathlib import Path; from realtime.models import web\n"
        "from lifting.errors import DownloadError\n"
        "try: web.download('https://127.0.0.1:1/m.zip', Path(sys.argv[1]), 10)\n"
        "except DownloadError as error: print(error)"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x")],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Cannot fetch https://127.0.0.1:1/m.zip" in done.stdout
    assert "copy the ONNX file here" in done.stdout
