"""A run in words: its title and its settings. Plain text, not yet escaped."""

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from synweight_core.presets import settings_words
from synweight_core.runs import Run
from synweight_core.runtable import setting_label
from synweight_core.train_config import TrainConfig


def run_title(run: Run) -> str:
    """A run's name with the time it was created."""
    return f"{run.name} · {run.id[4:6]}-{run.id[6:8]} {run.id[9:11]}:{run.id[11:13]}:{run.id[13:15]}"


def run_titles(found: Sequence[Run]) -> dict[str, str]:
    """Titles by id, with the end of the id where two runs began in the same second under the same name."""
    titles = {run.id: run_title(run) for run in found}
    shown = list(titles.values())
    return {key: title if shown.count(title) == 1 else f"{title} ({key[-4:]})" for key, title in titles.items()}


def settings_line(run: Run) -> str:
    """The run's own settings in one line."""
    s = asdict(TrainConfig()) | run.settings  # another version may have written fewer
    edits = f", {s['edits']:,} edits" if s["edits"] else ""
    return (
        f"{setting_label(s['loss'], s['train_on'])}{_weights(run)}{edits}, {s['epochs']} epochs, batch "
        f"{s['batch_size']}, learning rate {s['learning_rate']:g}, seed {s['seed']}, backbone {s['backbone']}"
    )


def settings_table(run: Run) -> pd.DataFrame:
    """All settings of a run, one a row: setting, value."""
    rows = [(name.replace("_", " "), str(value)) for name, value in run.settings.items()]
    return pd.DataFrame(rows, columns=["setting", "value"])


def config_of(run: Run) -> TrainConfig | None:
    """The settings of a run as a form takes them; None where another version wrote them."""
    try:
        return TrainConfig(**run.settings)
    except (TypeError, ValueError, KeyError, OverflowError):
        return None


def _weights(run: Run) -> str:
    config = config_of(run)
    if config is None or config.train_on == "real" or config.loss == "ce":
        return ""
    return f" ({settings_words(config.weight_settings)})"
