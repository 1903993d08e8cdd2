"""The app in headless Chromium, for benchmarks: a server on a free port, a browser, a probe in the page."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import measuring

# Told by the map's component at each message ("update"), frame ("draw"), selection and hover card. Software WebGL
# does not wait in gl.finish(), so that the time when a pixel of the frame has been read is taken as well.
PROBE = """
window.events = []; window.messages = [];
window.__mapProbe = ({gl, ...event}) => {
  if (event.type === 'draw') {
    gl.finish();
    event.drawn = performance.now();
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    event.pixel = performance.now();
    requestAnimationFrame(() => requestAnimationFrame(() => { event.seen = performance.now(); }));
  }
  window.events.push(event);
};
window.WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    this.addEventListener('message', ({data}) =>
      window.messages.push({time: performance.now(), bytes: data.byteLength ?? data.size ?? data.length}));
  }
};
for (const name of ['keydown', 'pointerup']) addEventListener(name, () => { window[name] = performance.now(); }, true);
"""


@contextmanager
def server(app: Path = measuring.ROOT / "app.py") -> Iterator[str]:
    """A Streamlit app on a free port, from its start until it answers; its address."""
    with served(app) as (_, address):
        yield address


@contextmanager
def served(app: Path = measuring.ROOT / "app.py") -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """As `server`; the process, which may be ended inside the block, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.port", str(port), "--server.headless", "true"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(app), *options],
        cwd=measuring.ROOT, env=os.environ | {"PYTHONPATH": str(measuring.ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(process, f"http://127.0.0.1:{port}")
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's Chromium where there is one, else Playwright's own; WebGL by software."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    graphics = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=[*quiet, *graphics])
        yield launched
        launched.close()


def _wait_for(process: subprocess.Popen[bytes], address: str, *, max_seconds: float = 60) -> None:
    deadline = time.monotonic() + max_seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"The app did not answer within {max_seconds:g} s. Start it by hand: streamlit run app.py")
