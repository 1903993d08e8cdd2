"""Pages open without the heavy libraries."""

import subprocess
import sys

from conftest import ROOT

HEAVY = ("torch", "transformers", "umap", "sentence_transformers", "pynndescent", "sklearn", "numba", "datasets")
SOURCES = ["app.py", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "pages").rglob("*.py"))]


def test_what_pages_import_pulls_no_heavy_library():
    program = f"""
import ast, importlib, sys
sys.path.insert(0, {str(ROOT)!r})
for source in {SOURCES!r}:
    for node in ast.walk(ast.parse(open({str(ROOT)!r} + "/" + source).read())):
        if isinstance(node, ast.Import):
            [importlib.import_module(name.name) for name in node.names]
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            for name in node.names:
                hasattr(module, name.name) or importlib.import_module(node.module + "." + name.name)
    heavy = [name for name in {HEAVY!r} if name in sys.modules]
    if heavy:
        sys.exit(f"{{source}} imports {{heavy}}")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr


def test_core_never_imports_streamlit():
    for path in (ROOT / "synweight_core").rglob("*.py"):
        assert "import streamlit" not in path.read_text(), path
