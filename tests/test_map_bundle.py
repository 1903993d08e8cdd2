"""The built bundle of the map matches its sources."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "assets" / "map"
BUNDLE = ROOT / "static" / "map.js"


def test_bundle_was_built_from_these_sources_and_not_edited_afterwards():
    stamp, body = BUNDLE.read_bytes().split(b"\n", 1)
    found = re.fullmatch(rb"// sources ([0-9a-f]{64}) bundle ([0-9a-f]{64})", stamp)
    assert found, "the bundle has no stamp: run make map"
    names = ["build.js", "package-lock.json", "package.json", *sorted(f"src/{p.name}" for p in SOURCES.glob("src/*"))]
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode() + b"\0" + (SOURCES / name).read_bytes() + b"\0")
    assert found[1].decode() == digest.hexdigest(), "sources have changed since the bundle was built: run make map"
    assert found[2].decode() == hashlib.sha256(body).hexdigest(), "the bundle was edited by hand: run make map"


def test_map_needs_no_eval_and_makes_no_html_of_texts():
    code = "".join(path.read_text() for path in SOURCES.glob("src/*.js"))
    assert code
    assert not re.search(r"\beval\(|new Function|\.innerHTML|insertAdjacentHTML|document\.write", code)


@pytest.mark.long
def test_building_again_gives_the_same_bundle(tmp_path):
    shutil.copytree(SOURCES, tmp_path / "assets" / "map", ignore=shutil.ignore_patterns("node_modules"))
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        subprocess.run(command, cwd=tmp_path / "assets" / "map", check=True, timeout=300, capture_output=True)
    assert (tmp_path / "static" / "map.js").read_bytes() == BUNDLE.read_bytes()
