"""Files from a plain https address, which no registry vouches for (see `realtime.models.pins`)."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from lifting.errors import DownloadError

TIMEOUT_S = 30.0
CHUNK = 1 << 18
Progress = Callable[[int], None]


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only from https to https."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urllib.parse.urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError(f"it redirects to {newurl[:200]}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(address: str, target: Path, max_bytes: int, progress: Progress | None = None) -> None:
    """Write what `address` gives to `target`. The user's proxies and certificates (SSL_CERT_FILE) hold.

    Raises DownloadError when it is not https, cannot be reached, or gives more than `max_bytes`.
    """
    if urllib.parse.urlsplit(address).scheme != "https":
        raise DownloadError(f"{address} is not an https address; nothing was fetched.")
    secure = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    opener = urllib.request.build_opener(secure, _HttpsOnly)
    request = urllib.request.Request(address, headers={"User-Agent": "sealcap"})
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer, target.open("wb") as out:
            _copy(answer, out, max_bytes, progress)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        reason = getattr(error, "reason", None) or error
        raise DownloadError(
            f"Cannot fetch {address}: {reason}. This model lies at its maker's site only, which takes the "
            "internet: pull it on another machine and copy the ONNX file here (--detector.model and "
            "--detector.search take its path), or take a model of the registries (sealcap models list)."
        ) from error


def _copy(answer: Any, out: IO[bytes], max_bytes: int, progress: Progress | None) -> None:
    expected = answer.headers.get("Content-Length")
    done = 0
    while chunk := answer.read(CHUNK):
        done += len(chunk)
        if done > max_bytes:
            raise DownloadError(
                f"The download is larger than {max_bytes >> 20} MiB; this is no model of ours."
            )
        out.write(chunk)
        if progress is not None:
            progress(done)
    if expected is not None and expected.isdecimal() and int(expected) != done:
        raise DownloadError("The download was cut off; try again.")
