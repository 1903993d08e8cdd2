"""Several processes that train one model, against one that has the same batches; and what becomes of them."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import ROOT
from many_rows import trained
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from synweight_core import companions
from synweight_core.processes import Processes


@pytest.fixture(scope="session")
def still_backbone(tiny_backbone, tmp_path_factory):
    """The small backbone without dropout, which no two processes could have in common."""
    folder = tmp_path_factory.mktemp("still")
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    AutoModelForSequenceClassification.from_pretrained(tiny_backbone, **none).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_backbone).save_pretrained(folder)
    return str(folder)


def by_several(backbone, out, plans, *, count=2):
    """What the first process and another one found."""
    started = []
    for rank in range(count):
        environment = companions.environment(rank, count, meeting=out / "meeting") | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(ROOT / "tests" / "many_rows.py"), backbone, str(out), json.dumps(plans)]
        started.append(subprocess.Popen(command, env=os.environ | environment))
    assert [process.wait(200) for process in started] == [0] * count
    return (json.loads((out / f"{name}.json").read_text()) for name in ("first", "other"))


def same(found, alone):
    """Whether the curves are those of one process."""
    assert found["steps"] == alone["steps"] == len(found["losses"])
    for name in ("losses", "rates", "evaluations", "weights", "log_probs"):
        np.testing.assert_allclose(found[name], alone[name], atol=1e-5, rtol=1e-4, err_msg=name)


def test_two_processes_train_as_one_does(still_backbone, tmp_path):
    """49 rows in batches of 8: the last batch has one row, which one of the two has not."""
    plans = [{"loss": "ce"}, {"loss": "dimp"}, {"loss": "dimp_ema"}, {"loss": "imp", "stop_at": 5}]
    first, other = by_several(still_backbone, tmp_path, plans)
    for plan, found, beside in zip(plans[:3], first, other, strict=False):
        same(found, trained(still_backbone, **plan))
        assert beside["model"] == found["model"] and beside["weights"] == found["weights"]


if __name__ == "__main__":
    pass
