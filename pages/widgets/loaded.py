"""What pages read of a project, read once and shared between sessions: never changed in place."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets.plain import plain
from synweight_core import curation, map_wire, projects, trust_curve
from synweight_core.alignment import Alignment, build_alignment
from synweight_core.curated import edit_words, relabelled
from synweight_core.curation import Curation
from synweight_core.data import Dataset
from synweight_core.errors import DataError, NotFoundError
from synweight_core.flaws.examination import STAGE, Flaw, load_flaws
from synweight_core.flaws.standing import standings, to_look_at
from synweight_core.forecast import Forecaster, project_forecaster
from synweight_core.map_colours import colouring
from synweight_core.map_rows import ColourBy, colours_for, map_rows, with_edits
from synweight_core.model_query import ModelQuery
from synweight_core.prepare import Prepared, cache_key, has_findings, load_positions, need_prepared
from synweight_core.projects import Project, load_project
from synweight_core.query_encoder import QueryEncoder
from synweight_core.trust import Leak, TrustReport, leakage, trust_report


@st.cache_resource(max_entries=4, show_spinner=False)
def dataset(project_id: str, data_hash: str) -> Dataset:
    """The rows of a project."""
    return projects.load_dataset(load_project(project_id))


@st.cache_resource(max_entries=4, show_spinner=False)
def prepared(project_id: str, data_hash: str) -> Prepared:
    """Its prepared columns. Raises NotFoundError."""
    return need_prepared(load_project(project_id))


def edits(project: Project) -> Curation:
    """The edits of the synthetic rows as they are now, read again only after an edit; a damaged log ends the page."""
    try:
        return replayed(project)
    except DataError as error:
        st.error(plain(error), icon=":material/error:")
        st.stop()


def replayed(project: Project) -> Curation:
    """As `edits`. Raises DataError when the log is damaged."""
    return _edits(project.id, curation.log_size(project))


def flaws(project: Project) -> tuple[Flaw, ...]:
    """What was found in the texts. Raises NotFoundError when they are not examined yet."""
    return _flaws(project.id, cache_key(project, STAGE))


def warnings(project: Project) -> int:
    """How many findings are there to look at: those of the files, and flaws that are neither kept nor excluded."""
    of_files = sum(finding.level == "warning" for finding in project.findings)
    if not has_findings(project):
        return of_files
    try:
        return of_files + to_look_at(standings(project, flaws(project), replayed(project)))
    except (DataError, NotFoundError):  # a damaged log or cache file: the pages that need it say so
        return of_files


def rows(project: Project) -> pd.DataFrame:
    """`map_rows` with the edits as they are now."""
    if not edits(project).edited:
        return _rows(project.id, project.data_hash)
    return _edited_rows(project.id, project.data_hash, curation.log_size(project))


@st.cache_resource(max_entries=4, show_spinner=False)
def places(project_id: str, data_hash: str) -> map_wire.Blob:
    """Where the rows lie on the map, as the browser takes it."""
    return map_wire.places(prepared(project_id, data_hash).xy)


@st.cache_resource(max_entries=8, show_spinner=False)
def notes(project_id: str, data_hash: str, marks_holes: bool) -> map_wire.Blob:
    """What lies over the points: names of regions, and the rows of holes."""
    known = prepared(project_id, data_hash)
    holes = [row for hole in known.holes for row in hole.rows] if marks_holes else []
    return map_wire.json_blob({"labels": map_wire.labels(known.clusters, map_wire.frame_of(known.xy)), "holes": holes})


@st.cache_resource(max_entries=4, show_spinner=False)
def vectors(project_id: str, data_hash: str) -> np.ndarray:
    """Unit vectors of the map's rows, mapped from the disk."""
    return load_positions(load_project(project_id))


@st.cache_resource(max_entries=4, show_spinner=False)
def trust(project_id: str, data_hash: str) -> tuple[TrustReport, tuple[Leak, ...]]:
    """What both checkers are worth, and which rows flatter the first."""
    rows, known = dataset(project_id, data_hash), prepared(project_id, data_hash)
    return trust_report(known, rows), leakage(rows, known)


@st.cache_resource(max_entries=4, show_spinner="Drawing the learning curve")
def learning_curve(project_id: str, data_hash: str) -> pd.DataFrame:
    """How good the quality checker would be with fewer real rows."""
    known = prepared(project_id, data_hash)
    return trust_curve.learning_curve(
        np.asarray(vectors(project_id, data_hash)[known.n_synthetic :], dtype=np.float32),
        known.labels[known.n_synthetic :],
        n_classes=known.quality.shape[1],
        groups=known.groups[known.n_synthetic :],
    )


def alignment(project: Project) -> Alignment:
    """What the alignment of weighted rows with real ones is measured by, with the labels as they are now."""
    return _alignment(project.id, project.data_hash, curation.log_size(project))


def forecaster(project: Project) -> tuple[Forecaster, Mapping[str, np.ndarray]]:
    """What forecasts settings under the edits of now, and the predictions of the baselines. Raises NotFoundError."""
    return _forecaster(project.id, project.data_hash, curation.log_size(project))


@st.cache_resource(max_entries=2, show_spinner=False, on_release=QueryEncoder.close)
def encoder(name: str) -> QueryEncoder:
    """The process that turns a sentence into a vector; it starts at the first sentence."""
    return QueryEncoder(name)


@st.cache_resource(max_entries=4, show_spinner=False, on_release=ModelQuery.close)
def model(run_id: str) -> ModelQuery:
    """The process that asks the model of a run about a sentence; it starts at the first question."""
    return ModelQuery(run_id)


def colours_offered(project: Project) -> dict[str, ColourBy]:
    """What the rows can be coloured by."""
    return _offered(project.id, project.data_hash, curation.log_size(project))


def colours(project: Project, colour: str) -> tuple[map_wire.Blob, dict[str, Any]]:
    """Codes and legend of a colour that no slider moves."""
    return _colours(project.id, project.data_hash, colour, curation.log_size(project))


@st.cache_resource(max_entries=4, show_spinner=False)
def _flaws(project_id: str, key: str) -> tuple[Flaw, ...]:
    return load_flaws(load_project(project_id))


@st.cache_resource(max_entries=4, show_spinner=False)
def _edits(project_id: str, log_size: int) -> Curation:
    return curation.load_curation(load_project(project_id))


@st.cache_resource(max_entries=4, show_spinner=False)
def _alignment(project_id: str, data_hash: str, log_size: int) -> Alignment:
    current = relabelled(prepared(project_id, data_hash), _edits(project_id, log_size))
    return build_alignment(
        vectors(project_id, data_hash), current.labels, current.relevance, n_synthetic=current.n_synthetic
    )


@st.cache_resource(max_entries=2, show_spinner=False)
def _forecaster(project_id: str, data_hash: str, log_size: int) -> tuple[Forecaster, Mapping[str, np.ndarray]]:
    project = load_project(project_id)
    made = project_forecaster(project, prepared(project_id, data_hash), _edits(project_id, log_size))
    return made, made.baselines()


@st.cache_resource(max_entries=4, show_spinner=False)
def _rows(project_id: str, data_hash: str) -> pd.DataFrame:
    return map_rows(dataset(project_id, data_hash), prepared(project_id, data_hash))


@st.cache_resource(max_entries=4, show_spinner=False)
def _edited_rows(project_id: str, data_hash: str, log_size: int) -> pd.DataFrame:
    project = load_project(project_id)
    edited = _edits(project_id, log_size)
    current = relabelled(prepared(project_id, data_hash), edited)
    return with_edits(_rows(project_id, data_hash), current, project.labels, edit_words(edited))


@st.cache_resource(max_entries=4, show_spinner=False)
def _offered(project_id: str, data_hash: str, log_size: int) -> dict[str, ColourBy]:
    return colours_for(rows(load_project(project_id)))


@st.cache_resource(max_entries=32, show_spinner=False)
def _colours(project_id: str, data_hash: str, colour: str, log_size: int) -> tuple[map_wire.Blob, dict[str, Any]]:
    project = load_project(project_id)
    current = rows(project)
    found = colouring(colours_offered(project)[colour], current, project.labels)
    return map_wire.blob(found.codes.tobytes()), found.legend
