"""Every test has a workspace of its own; the prepared demo and the running app are made once."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}  # tests share the cores

import pytest
from filelock import FileLock

from benchmarks.tiny_backbone import make_tiny_backbone
from synweight_core import projects, runs

ROOT = Path(__file__).parent.parent
END_SECONDS = 240  # generous: two cores may be busy
LONGEST_FILES = ["map_browser", "browser", "cli", "pages", "map_scores", "suggest", "runs", "resume", "training"]


def pytest_collection_modifyitems(items):
    """Files that take long come first, so that no process is left alone with one at the end."""
    places = {f"test_{name}": place for place, name in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    """An empty workspace. What still works in it when the test ends is asked to stop: nobody waits for it."""
    home = tmp_path / "workspace"
    monkeypatch.setenv("SYNWEIGHT_HOME", str(home))
    if st := sys.modules.get("streamlit"):  # what pages keep belongs to a project's id, and all tests have the demo
        st.cache_data.clear()
        st.cache_resource.clear()
    yield home
    monkeypatch.setenv("SYNWEIGHT_HOME", str(home))  # whatever the test made of it
    for run in runs.active_runs():
        runs.request_stop(run.id)


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory):
    """A workspace with the demo before anything is suggested: real encoder, checkers and UMAP; one for all processes.

    While developing, SYNWEIGHT_PREPARED may name one that was made before: it saves a minute.
    """
    if made := os.environ.get("SYNWEIGHT_PREPARED"):
        return Path(made)
    base = tmp_path_factory.getbasetemp()
    home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prepared"
    with FileLock(home.with_suffix(".lock")):
        if not home.with_suffix(".ready").exists():
            command = [sys.executable, "-m", "synweight_core", "demo", "--no-suggest"]
            subprocess.run(command, env=os.environ | {"SYNWEIGHT_HOME": str(home)}, check=True, timeout=END_SECONDS)
            home.with_suffix(".ready").touch()
    return home


@pytest.fixture
def demo(prepared_home, workspace):
    """The prepared demo project, in this test's own copy of the workspace."""
    shutil.copytree(prepared_home, workspace)
    return projects.demo_project()


@pytest.fixture
def benchmark(monkeypatch):
    """A function that imports a module of benchmarks/."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))

    def load(name):
        spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory):
    """A folder with a BERT of one small layer, dropout included, and MiniLM's tokenizer: a step takes a millisecond."""
    return make_tiny_backbone(tmp_path_factory.mktemp("backbone"))


def ended(run_id):
    """The run when it is no longer active; fails when that takes too long."""
    deadline = time.monotonic() + END_SECONDS
    while (run := runs.load_run(run_id)).is_active:
        assert time.monotonic() < deadline, f"{run_id} is still {run.status}"
        time.sleep(0.1)
    return run


def until(condition, *, seconds=60):
    """Wait for `condition()` to be true and return its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.05)
    return value


@pytest.fixture
def serve(tmp_path):
    """A function that starts the app on a workspace and returns its address."""
    with ExitStack() as started:
        yield lambda home: started.enter_context(served(home, log=tmp_path / "server.log"))


@contextmanager
def served(home, *, log):
    """The app on a workspace; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py")]
    options = ["--server.port", str(port), "--server.headless", "true"]
    environment = os.environ | {"SYNWEIGHT_HOME": str(home)}
    with log.open("ab") as file:
        process = subprocess.Popen([*command, *options], cwd=ROOT, env=environment, stdout=file, stderr=file)
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: _answers(f"{address}/_stcore/health"))
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _answers(url):
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium where there is one, else Playwright's own."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    graphics = ["--use-gl=swiftshader", "--enable-webgl", "--ignore-gpu-blocklist", "--no-first-run"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=[*quiet, *graphics])
        yield chromium
        chromium.close()
