"""Figures of a run for an experiment tracker that Accelerate knows by name, such as TensorBoard, beside its events.

It reads the events of a run as they are reported, and changes none. Imports torch: for worker processes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate.tracking import filter_trackers

from synweight_core.errors import ModelError
from synweight_core.prediction import accelerator_for
from synweight_core.train_config import TrainConfig

FOLDER = "tracker"  # in a run's folder, for trackers that write files
Report = Callable[[dict[str, Any]], None]

_SPLITS = {"step": "train", "evaluation": "validation"}
_PLACES = ("event", "step", "total_steps", "epoch", "seconds_left")


@contextmanager
def tracked(report: Report, config: TrainConfig, path: Path) -> Iterator[Report]:
    """A report that also logs the figures of steps and evaluations to the tracker of the run in the folder `path`.

    Raises:
        ModelError: there is no such tracker here.
    """
    if not config.tracker:
        yield report
        return
    _need(config.tracker, path / FOLDER)
    accelerator = accelerator_for(config, tracker=config.tracker, folder=path / FOLDER)
    accelerator.init_trackers(path.name, config=asdict(config))

    def tell(event: dict[str, Any]) -> None:
        if found := figures(event):
            accelerator.log(found, step=event["step"])
        report(event)  # last: it may raise StopRequested

    try:
        yield tell
    finally:
        for tracker in accelerator.trackers:
            tracker.finish()


def figures(event: dict[str, Any]) -> dict[str, float]:
    """The numbers of a step or an evaluation as `train/loss`, `validation/accuracy`; {} of other events."""
    split = _SPLITS.get(event["event"])
    numbers = {name: value for name, value in event.items() if isinstance(value, int | float) and name not in _PLACES}
    return {f"{split}/{name}": value for name, value in numbers.items()} if split else {}


def _need(name: str, folder: Path) -> None:
    try:
        found = filter_trackers([name], folder)
    except ValueError as error:
        raise ModelError(f"The tracker '{name}' was asked for. {error}") from error
    if not found:
        raise ModelError(
            f"The tracker '{name}' was asked for, and its package is not installed here. Install it (pip install "
            "tensorboard, for instance), or train without a tracker."
        )
