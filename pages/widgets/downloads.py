"""Weighted rows and what goes with them, as download buttons; each file is made when it is asked for."""

import io
from collections.abc import Callable

import pandas as pd
import streamlit as st

from pages.widgets import loaded
from synweight_core import atlas, export
from synweight_core.curated import curated_weights
from synweight_core.prepare import need_prepared
from synweight_core.projects import Project
from synweight_core.recipe import Recipe, to_json
from synweight_core.snippets import SNIPPETS
from synweight_core.weighting import WeightSettings

_LABELS = {".parquet": "Parquet", ".csv": "CSV", ".jsonl": "JSON lines"}


def row_downloads(rows: Callable[[], pd.DataFrame], recipe: Callable[[], Recipe], *, name: str) -> None:
    """Weighted rows in every form, and the recipe that rebuilds their weights. `name` begins the file names."""
    for suffix, write in export.FORMS.items():
        _button(_LABELS[suffix], lambda write=write: write(rows()), f"{name}-weights{suffix}")
    _button("Hugging Face datasets (zip)", lambda: export.dataset_zip(rows()), f"{name}-weights_dataset.zip")
    _button("Recipe", lambda: to_json(recipe()).encode(), f"{name}-recipe.json")


def atlas_download(project: Project, settings: WeightSettings) -> None:
    """The map as a file that Embedding Atlas opens."""

    def build() -> bytes:
        prepared, edits, content = need_prepared(project), loaded.edits(project), io.BytesIO()
        weights = curated_weights(prepared, settings, edits)
        atlas.write_atlas(project, content, prepared=prepared, curation=edits, weights=weights)
        return content.getvalue()

    _button("Embedding Atlas", build, f"{project.id}-atlas.parquet")


def snippets() -> None:
    """How to train with the Parquet file elsewhere."""
    with st.expander("Train with these weights elsewhere"):
        st.caption("Save the Parquet file as weights.parquet beside the program.")
        for tab, snippet in zip(st.tabs([each.label for each in SNIPPETS.values()]), SNIPPETS.values(), strict=True):
            tab.code(snippet.code, language="python")


def _button(label: str, build: Callable[[], bytes], file_name: str) -> None:
    st.download_button(label, build, file_name=file_name, icon=":material/download:", on_click="ignore")
