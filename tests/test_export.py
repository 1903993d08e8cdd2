"""What leaves the app."""

import io

import pandas as pd
import pytest

from synweight_core import export
from synweight_core.errors import NotFoundError
from synweight_core.weighting import WeightSettings

RISKY = ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "plain", "a=b"]


def test_csv_cells_that_a_spreadsheet_would_run_get_an_apostrophe():
    frame = pd.DataFrame({"text": RISKY, "weight": [-1.0] * 7})
    back = pd.read_csv(io.BytesIO(export.to_csv(frame)), keep_default_na=False)
    assert back["text"].tolist() == ["'=HYPERLINK(1)", "'+1", "'-1", "'@x", "'\tx", "plain", "a=b"]
    assert back["weight"].tolist() == [-1.0] * 7


def test_parquet_keeps_texts_letter_by_letter():
    frame = pd.DataFrame({"text": RISKY})
    assert pd.read_parquet(io.BytesIO(export.to_parquet(frame)))["text"].tolist() == RISKY


def test_weighted_rows_keep_the_order_and_columns_of_the_upload(demo):
    rows = export.project_weights(demo.id, WeightSettings(alpha=1, beta=0))
    assert rows["row"].tolist() == list(range(1, 1201))
    assert rows["weight"].mean() == pytest.approx(1)
    assert {"text", "label", "upload:planted", "quality", "diversity"} <= set(rows.columns)
    mislabelled = rows["upload:planted"] == "mislabelled"
    assert rows.loc[mislabelled, "weight"].mean() < 0.3 < rows.loc[~mislabelled, "weight"].mean()


def test_unknown_project_is_refused(workspace):
    with pytest.raises(NotFoundError, match="There is no project 'nope' here"):
        export.project_weights("nope", WeightSettings())
