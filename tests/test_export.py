"""What leaves the app, opened by the libraries that it is for."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import END_SECONDS

from synweight_core import atlas, curation, export, projects
from synweight_core.errors import DataError, NotFoundError
from synweight_core.models import MINILM, model_source
from synweight_core.prepare import need_prepared
from synweight_core.presets import DEFAULT
from synweight_core.snippets import SNIPPETS
from synweight_core.weighting import WeightSettings

RISKY = ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "\rx", "plain", "a=b"]
ROWS = pd.DataFrame({"text": RISKY, "weight": np.linspace(0, 1.7, 8), "quality": [np.nan, *np.linspace(0.1, 1, 7)]})


def test_csv_cells_that_a_spreadsheet_would_run_get_an_apostrophe():
    back = pd.read_csv(io.BytesIO(export.to_csv(ROWS.assign(weight=-1.0))), keep_default_na=False, lineterminator="\n")
    assert back["text"].tolist() == [*(f"'{text}" for text in RISKY[:6]), "plain", "a=b"]
    assert back["weight"].tolist() == [-1.0] * 8


def test_parquet_keeps_texts_letter_by_letter():
    assert pd.read_parquet(io.BytesIO(export.to_parquet(ROWS)))["text"].tolist() == RISKY


def test_json_lines_keep_texts_and_leave_a_missing_number_null():
    lines = [json.loads(line) for line in export.to_jsonl(ROWS).decode().splitlines()]
    assert [line["text"] for line in lines] == RISKY
    assert [line["weight"] for line in lines] == pytest.approx(ROWS["weight"].tolist(), abs=1e-15)
    assert lines[0]["quality"] is None


def test_data_set_folder_is_opened_by_datasets_and_written_again(tmp_path):
    from datasets import load_from_disk

    for rows in (ROWS, ROWS[:3]):
        export.save_dataset(rows, tmp_path / "weights_dataset")
        found = load_from_disk(str(tmp_path / "weights_dataset"))
        assert found["text"][:] == rows["text"].tolist()
        assert found["weight"][:] == rows["weight"].tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["weights_dataset"]


def test_data_set_download_is_the_same_folder_as_a_zip(tmp_path):
    from datasets import load_from_disk

    zipfile.ZipFile(io.BytesIO(export.dataset_zip(ROWS))).extractall(tmp_path)
    assert load_from_disk(str(tmp_path))["text"][:] == RISKY


def test_folder_that_is_no_data_set_is_not_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work.txt").write_text("years")
    with pytest.raises(DataError, match="is there already and holds no data set"):
        export.save_dataset(ROWS, tmp_path / "mine")
    assert (tmp_path / "mine" / "work.txt").read_text() == "years"


def test_weighted_rows_keep_the_order_and_columns_of_the_upload(demo):
    rows = export.project_weights(demo.id, WeightSettings(alpha=1, beta=0))
    assert rows["row"].tolist() == list(range(1, 1201))
    assert rows["weight"].mean() == pytest.approx(1)
    assert {"text", "label", "upload:planted", "quality", "diversity", "relevance", "edit"} <= set(rows.columns)
    assert np.exp(rows["log_quality"]).to_numpy() == pytest.approx(rows["quality"].to_numpy())
    mislabelled = rows["upload:planted"] == "mislabelled"
    assert rows.loc[mislabelled, "weight"].mean() < 0.3 < rows.loc[~mislabelled, "weight"].mean()


def test_rows_with_soft_targets_say_what_they_teach_in_the_shares_of_the_real_rows(demo):
    rows = export.project_weights(demo.id, DEFAULT)
    targets = rows.filter(regex="^target:").rename(columns=lambda name: name.removeprefix("target:"))
    assert [*targets.columns] == [*demo.labels]
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-5)
    of_label = [shares[label] for shares, label in zip(targets.to_dict("records"), rows["label"], strict=True)]
    assert min(of_label) >= 0.5 - 1e-6  # the label keeps its half
    taught = targets.mul(rows["weight"], axis=0).sum() / rows["weight"].sum()
    real = projects.load_dataset(demo).real.query("split != 'test'")["label"].value_counts(normalize=True)
    np.testing.assert_allclose(taught[real.index], real, atol=0.01)
    assert not any(name.startswith("target:") for name in export.project_weights(demo.id, WeightSettings()).columns)


def test_row_that_a_person_relabelled_teaches_that_label_alone(demo):
    before = export.project_weights(demo.id, DEFAULT).iloc[3]
    new = next(label for label in demo.labels if label != before["label"])
    curation.relabel(demo, np.array([3]), label=new)
    row = export.project_weights(demo.id, DEFAULT).iloc[3]
    assert [row[f"target:{label}"] for label in demo.labels] == [label == new for label in demo.labels]


def test_atlas_file_has_the_map_with_neighbours_and_edits(demo, tmp_path):
    curation.exclude(demo, np.array([5]))
    prepared, edits = need_prepared(demo), curation.load_curation(demo)
    weights = np.linspace(0, 2, 1200)
    atlas.write_atlas(demo, tmp_path / "a.parquet", prepared=prepared, curation=edits, weights=weights)
    rows = pd.read_parquet(tmp_path / "a.parquet")
    assert len(rows) == len(prepared.labels)
    np.testing.assert_array_equal(rows[["x", "y"]], prepared.xy)
    assert rows["weight"][:1200].tolist() == weights.tolist() and rows["weight"][1200:].isna().all()
    assert (rows["edit"] == "excluded").to_numpy().nonzero()[0].tolist() == [5]
    nearest = rows["neighbors"][0]
    assert set(nearest) == {"ids", "distances"} and len(nearest["ids"]) == len(nearest["distances"])
    assert 0 not in nearest["ids"] and (np.diff(nearest["distances"]) >= 0).all()
    assert set(atlas.COMMAND.split("atlas.parquet")[1].split()[1::2]) <= set(rows.columns)


def test_unknown_project_is_refused(workspace):
    with pytest.raises(NotFoundError, match="There is no project 'nope' here"):
        export.project_weights("nope", WeightSettings())


@pytest.mark.parametrize("is_soft", [False, True])
@pytest.mark.parametrize("name", SNIPPETS)
def test_snippet_is_short_and_trains_on_the_exported_file(name, is_soft, tmp_path):
    code = SNIPPETS[name].code
    assert 5 <= len([line for line in code.splitlines() if line]) <= 20
    texts = ["the parcel is late", "where is my order", "refund me", "money back"] * 2
    rows = pd.DataFrame({"text": texts, "text_b": "", "label": ["late", "late", "refund", "refund"] * 2})
    rows = rows.assign(weight=[0.5, 1.5, 1, 1, 2, 0, 1, 1.0])
    if is_soft:
        rows = rows.assign(**{"target:late": [0.9, 0.8, 0, 0.1] * 2, "target:refund": [0.1, 0.2, 1, 0.9] * 2})
    rows.to_parquet(tmp_path / "weights.parquet")
    code = code.replace("sentence-transformers/all-MiniLM-L6-v2", model_source(MINILM))
    code = code.replace('TrainingArguments("model",', 'TrainingArguments("model", max_steps=1,')
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=END_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    assert ("late" if name == "sklearn" else "train_loss") in done.stdout
