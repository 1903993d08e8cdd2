"""What a person chooses for a run. Plain values that go to JSON and back; imports no torch."""

import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from synweight_core.losses import LOSSES
from synweight_core.models import MINILM
from synweight_core.weighting import WeightSettings, loss_settings

TRAIN_ON = {"synthetic": "Synthetic rows", "real": "Real rows alone (baseline)"}
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "bf16", "float32")


@dataclass(frozen=True)
class TrainConfig:
    """One run. Raises ValueError when a value is out of its range.

    The fields of WeightSettings are used by losses that leave them open ("tuned"), the caps by every weighted loss.
    `edits` is how many lines of the project's log of edits the run replays. A batch is shared by all `processes`.
    `tracker` is the name that Accelerate has for where figures are logged, too; nothing: nowhere.
    """

    loss: str = "ce"
    train_on: str = "synthetic"
    alpha: float = 1.0
    beta: float = 0.0
    min_weight: float = 0.0
    max_weight: float = 10.0
    backbone: str = MINILM
    epochs: int = 5  # as in the paper
    batch_size: int = 32
    learning_rate: float = 1e-4
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    max_length: int = 128
    evaluations_per_epoch: int = 2
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    edits: int = 0
    relevance: float = 0.0
    temperature: float = 1.0
    balance: str = "none"
    drop_share: float = 0.0
    real_mass: float = 0.0
    soft_share: float = 0.0
    processes: int = 1
    tracker: str = ""

    def __post_init__(self) -> None:
        _expect(self.loss in LOSSES, "loss", self.loss, f"one of {', '.join(LOSSES)}")
        self._weight_settings_as_given()  # raises where one is out of its range
        _expect(self.train_on in TRAIN_ON, "train_on", self.train_on, f"one of {', '.join(TRAIN_ON)}")
        _expect(self.precision in PRECISIONS, "precision", self.precision, f"one of {', '.join(PRECISIONS)}")
        _expect(self.device in DEVICES, "device", self.device, f"one of {', '.join(DEVICES)}")
        _expect(1e-7 <= self.learning_rate <= 0.1, "learning_rate", self.learning_rate, "1e-7 to 0.1")
        _expect(bool(self.backbone.strip()), "backbone", repr(self.backbone), "a name, folder or hub id")
        for name, lowest, highest in (
            ("epochs", 1, 1000), ("batch_size", 1, 4096), ("max_length", 8, 8192),
            ("evaluations_per_epoch", 1, 100), ("seed", 0, 2**31 - 1),
            ("edits", 0, 2**31 - 1), ("processes", 1, 64),
        ):  # fmt: skip
            value = getattr(self, name)
            _expect(lowest <= value <= highest, name, value, f"{lowest:,} to {highest:,}")
        is_name = not self.tracker or re.fullmatch(r"[a-z][a-z0-9_]*", self.tracker)
        _expect(bool(is_name), "tracker", repr(self.tracker), "nothing, or a name such as tensorboard")

    @property
    def weight_settings(self) -> WeightSettings:
        """How the rows are weighted, as the loss uses it."""
        return loss_settings(self.loss, self._weight_settings_as_given())

    def _weight_settings_as_given(self) -> WeightSettings:
        return WeightSettings(**{field.name: getattr(self, field.name) for field in fields(WeightSettings)})


def run_config(**choices: Any) -> TrainConfig:  # noqa: ANN401 (the fields of TrainConfig)
    """A TrainConfig whose loss and exponents are those that are really used. Raises ValueError."""
    config = TrainConfig(**choices)
    if config.train_on == "real":
        config = replace(config, loss="ce", edits=0)  # real rows all count the same
    return replace(config, **asdict(config.weight_settings))


def run_name(config: TrainConfig) -> str:
    """What a run is called in lists: its loss and seed."""
    return f"{LOSSES[config.loss].label if config.train_on == 'synthetic' else 'Real only'}, seed {config.seed}"


def _expect(holds: bool, name: str, found: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {found}; expected {expected}.")
