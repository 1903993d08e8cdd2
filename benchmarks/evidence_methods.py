"""METHODS: what `evidence.py` compares, what each trains on and with, and the training of one.

What is chosen for a set (exponents, mass of the real rows) is chosen by cross-validation over its real rows that are
not test. No method sees a test row before it has ended.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from evidence_data import Budget, Case

from synweight_core.curation import load_curation
from synweight_core.forecast import Forecaster, final, project_forecaster
from synweight_core.presets import FILTERED_SHARE, PRESETS
from synweight_core.suggest import SWITCHES, suggest
from synweight_core.train_config import TrainConfig, run_config
from synweight_core.weighting import WeightSettings

OFF = WeightSettings(alpha=0, beta=0)
QUALITY = WeightSettings(1, 0)
BLENDED = PRESETS["blended"].settings
MASSES = (0.3, 0.5, 0.7, 0.9)  # of real rows, beside their share of all rows
REWEIGHTED_SETS = ("tweet_sentiment", "hypo_l", "finance_sentiment")
MAX_MASS = 0.95
NOT_POOLED = [switch for switch in SWITCHES if "real_mass" not in switch]


@dataclass(frozen=True)
class Method:
    """One row of METHODS.

    `settings` are fixed, or chosen for a set. `epochs_for_volume`: as many passes over the real rows as there are rows
    to see in the passes over the synthetic ones. `learned` is the kind of `reweighting.py`. `main` ones are measured
    first. Raise `version` when the same row of the table comes to mean something else.
    """

    label: str
    settings: WeightSettings | Callable[[Case], WeightSettings] = OFF
    loss: str = "tuned"
    train_on: str = "synthetic"
    epochs_for_volume: bool = False
    learned: str = ""
    main: bool = False
    sets: Sequence[str] = ()  # empty: all
    version: int = 1


def natural(case: Case, settings: WeightSettings = OFF) -> WeightSettings:
    """Real rows join, each with the weight of an average synthetic row."""
    n_real, n = case.project.counts["train"], case.prepared.n_synthetic
    return replace(settings, real_mass=min(n_real / (n_real + n), MAX_MASS))


@cache
def suggested(case: Case) -> WeightSettings:
    """What a project begins with, chosen among the candidates that leave the real rows out of the training."""
    found = suggest(_forecaster(case), lambda event: None, OFF, switches=NOT_POOLED)
    return found.settings if found else OFF


@cache
def suggested_pooled(case: Case) -> WeightSettings:
    """The terms of `suggested` with the real rows joined, by the mass with the highest forecast.

    `suggest` itself offers one mass; here their share of all rows and MASSES are forecast by the same folds. No mass is
    simpler than another one, so that nothing is traded for simplicity. Where the weights stay off, forecasts could not
    tell settings apart, and choose no mass either: it is plain training on both.
    """
    terms = suggested(case)
    if terms == OFF:
        return natural(case)
    forecaster = _forecaster(case)
    candidates = [natural(case, terms), *(replace(terms, real_mass=mass) for mass in MASSES)]
    return max(candidates, key=lambda each: forecaster.values(final(forecaster, each))[0])


@cache
def _forecaster(case: Case) -> Forecaster:
    return project_forecaster(case.project, case.prepared, load_curation(case.project))


METHODS: dict[str, Method] = {
    "ce": Method("CE, synthetic rows", main=True),
    "real": Method("Real rows only", train_on="real", main=True),
    "real_duplicated": Method("Real rows, to the synthetic volume", train_on="real", epochs_for_volume=True, main=True),
    "pooled": Method("CE, synthetic and real rows", natural, main=True),
    "imp": Method("IMP", loss="imp", main=True),
    "dimp": Method("DIMP", loss="dimp", main=True),
    "suggested": Method("Suggested", suggested, main=True, version=2),
    "suggested_pooled": Method("Suggested, real rows joined", suggested_pooled, main=True, version=4),
    "blended": Method("Blended, the same for all sets", BLENDED, main=True),
    "placebo": Method("Placebo: weights of quality on any other row", QUALITY, "placebo", main=True),
    "placebo_within": Method("Placebo within classes", QUALITY, "placebo_within", main=True),
    "quality": Method("Quality, alpha 1", QUALITY),
    "quality2": Method("Quality, alpha 2", WeightSettings(2, 0)),
    "filter": Method("Without the worst 30 % by quality", replace(OFF, drop_share=FILTERED_SHARE)),
    "focal": Method("Focal loss", loss="focal"),
    "dimp_ema": Method("DIMP, averaged", loss="dimp_ema"),
    "soft": Method("Soft targets", loss="soft"),
    "reweighted": Method("Learning to reweight (last layer)", learned="meta", sets=REWEIGHTED_SETS),
    "self_weighted": Method("Self-boosting weights", learned="self", sets=REWEIGHTED_SETS),
}
BASELINES = ("ce", "real", "real_duplicated", "pooled")  # what needs no weights


def config_of(method: Method, case: Case, budget: Budget, seed: int) -> TrainConfig:
    """The settings of a run."""
    settings = method.settings(case) if callable(method.settings) else method.settings
    n_real = case.project.counts["train"]
    visits = budget.epochs * case.prepared.n_synthetic
    epochs = max(1, round(visits / n_real)) if method.epochs_for_volume else budget.epochs
    return run_config(
        loss=method.loss, train_on=method.train_on, seed=seed, epochs=epochs, **budget.recipe, **asdict(settings)
    )  # fmt: skip


def what_it_does(method: Method, config: TrainConfig) -> dict[str, Any]:
    """All that sets two runs apart beside set, seed and budget: runs that do the same have the same figures."""
    names = ("loss", "train_on", "epochs", *WeightSettings.__dataclass_fields__)
    return {name: getattr(config, name) for name in names} | {"learned": method.learned}


def trained(method: Method, case: Case, config: TrainConfig) -> tuple[np.ndarray, np.ndarray, float]:
    """One fine-tuning: log-probabilities of the test rows [t, K], their labels [t], and its wall seconds."""
    from synweight_core.train_job import labelled_texts, training_data

    clock = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # doubts about weights are what is measured here
        data = training_data(case.project, case.dataset, case.prepared, config)
        if method.learned:
            import reweighting

            real = case.dataset.real
            rows = labelled_texts(case.dataset, real[real["split"] == "train"])
            said = reweighting.train(method.learned, config, data, real=rows).test_log_probs
        else:
            from synweight_core.training import train

            found = train(config, data, lambda event: None).test_log_probs
            assert found is not None  # each set has test rows, and nobody stops it
            said = found
    return said, data.test.labels, time.perf_counter() - clock
