"""Which kind of checker a project has, and how one is fine-tuned. Plain values; imports nothing heavy."""

from dataclasses import asdict, dataclass

from synweight_core.models import MINILM, fingerprint

PROBE = "probe"
KINDS = {
    PROBE: "Linear probe on sentence vectors (seconds)",
    "finetuned": "Fine-tuned classifier (minutes; a GPU helps)",
}
DURATIONS = {
    PROBE: "a few thousand rows take about a minute",
    "finetuned": "fine-tuning the checkers takes a few minutes on a GPU, and for thousands of rows an hour without one",
}
PROBES_INSTEAD = (
    "The checkers of this project are fine-tuned. Here linear probes stand in for its quality checker: fine-tuning one "
    "in every fold would take too long."
)
ROW_VISITS = 4_000  # in one fit, unless two epochs are more: beyond it more epochs bring a checker little


@dataclass(frozen=True)
class Tuning:
    """How a checker is fine-tuned. `epochs` is the most; how many it takes is found out of fold.

    A fold ends early when `patience` epochs in a row were no better than the best. `device` changes no result that
    matters, and is not in `key`.
    """

    backbone: str = MINILM
    epochs: int = 20
    patience: int = 3
    batch_size: int = 16
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    max_length: int = 128
    device: str = "auto"

    def epochs_for(self, n: int) -> int:
        """The most epochs over `n` rows: few rows need many, many rows two."""
        return min(self.epochs, max(2, ROW_VISITS // max(n, 1)))


def checker_key(kind: str, tuning: Tuning) -> object:
    """What the results of a checker depend on besides its rows, for cache keys. Its kind alone for a probe."""
    if kind == PROBE:
        return kind
    chosen = {name: value for name, value in asdict(tuning).items() if name != "device"}
    return [kind, chosen, ROW_VISITS, fingerprint(tuning.backbone)]
