"""What goes wrong outside of a run's control ends in one sentence that says what to do."""

import errno
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from synweight_core import checkpoints, runs, storage, train_job, worker
from synweight_core.errors import ModelError, WorkspaceError, file_sentence
from synweight_core.prediction import load_backbone
from synweight_core.train_config import TrainConfig

REASONS = {
    errno.ENOSPC: "The disk is full: 'model.bin' could not be written. Free some space and go on; what was finished",
    errno.EDQUOT: "The disk is full: 'model.bin'",
    errno.EACCES: "The system forbids to read or write 'model.bin'. Give this user the right",
    errno.EROFS: "The system forbids to read or write 'model.bin'.",
    errno.ENOENT: "There is no 'model.bin': it was moved or deleted. Put it back, or upload it again.",
    errno.EIO: "A file could not be read or written: [Errno 5]",
}


@pytest.mark.parametrize("number", REASONS)
def test_reason_of_a_file_error_is_a_sentence(number):
    assert file_sentence(OSError(number, "reason", "model.bin")).startswith(REASONS[number])


def failed(project, backbone, **choices):
    """The run of a worker in this process."""
    quick = {"epochs": 2, "batch_size": 400, "max_length": 16, "device": "cpu"} | choices
    path = runs.folder("20260101-000000-000-t-0000")
    path.mkdir(parents=True, exist_ok=True)
    config = asdict(TrainConfig(backbone=backbone, **quick))
    about = {"kind": "train", "project": project.id, "name": "t", "created": 0, "settings": config}
    storage.write_json(path / "config.json", about)
    worker.main(path)
    return runs.load_run(path.name)


def test_deleted_rows_of_a_project_are_named(demo, tiny_backbone):
    (storage.home() / "projects" / demo.id / "synthetic.parquet").unlink()
    run = failed(demo, tiny_backbone)
    assert run.status == "failed"
    assert "There is no " in run.error and "synthetic.parquet': it was moved or deleted." in run.error


def test_deleted_project_is_named(demo, tiny_backbone):
    shutil.rmtree(storage.home() / "projects" / demo.id)
    assert f"There is no project '{demo.id}'" in failed(demo, tiny_backbone).error


def test_backbone_folder_without_weights_is_named(demo, tiny_backbone, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_backbone, folder)
    (folder / "model.safetensors").unlink()
    error = failed(demo, str(folder)).error
    assert error.startswith(f"The backbone '{folder}' could not be loaded: ") and "model.safetensors" in error
    assert "Expected 'minilm', a folder with a transformers model in safetensors" in error


def test_backbone_with_damaged_weights_is_named(tiny_backbone, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_backbone, folder)
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="could not be loaded"):
        load_backbone(str(folder), ("a", "b"))


def test_disk_that_is_full_at_the_end_leaves_the_earlier_model_and_the_checkpoint(demo, tiny_backbone, monkeypatch):
    path = runs.folder("20260101-000000-000-t-0000")
    (path / "model").mkdir(parents=True)
    (path / "model" / "config.json").write_text("earlier")

    def no_room(path, result, card):
        (path / ".model").mkdir()
        raise OSError(errno.ENOSPC, "No space left on device", "model.safetensors")

    monkeypatch.setattr(train_job, "_save_model", no_room)
    run = failed(demo, tiny_backbone)
    assert run.error == (
        "The disk is full: 'model.safetensors' could not be written. Free some space and go on; what was finished is "
        "kept."
    )
    assert (path / "model" / "config.json").read_text() == "earlier"
    assert run.can_resume and checkpoints.load(path).step == 3


def test_memory_that_runs_out_beside_the_batches_is_said_in_a_sentence(demo, tiny_backbone, monkeypatch):
    def too_large(*args, **choices):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    monkeypatch.setattr(train_job, "train", too_large)
    assert failed(demo, tiny_backbone).error == (
        "The device's memory ran out. Use a smaller model or batch, or another device."
    )


def test_workspace_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(WorkspaceError, match=r"cannot be made: Not a directory\. Name a folder that you may write"):
        storage.home()


def test_workspace_that_may_not_be_written_is_named_when_a_run_starts(workspace, monkeypatch):
    makes = Path.mkdir

    def mkdir(self, *args, **choices):
        if self.parent.name == "runs":
            raise OSError(errno.EROFS, "Read-only file system", str(self))
        return makes(self, *args, **choices)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(WorkspaceError, match=r"The system forbids to read or write '.*Give this user the right"):
        runs.start("train", "p", {}, name="t")
