"""The card of one row: its texts, why it has its weight, what the checkers say, what lies nearest."""

import pandas as pd
import streamlit as st

from pages.widgets import charts, loaded, map_session
from pages.widgets.plain import plain
from synweight_core import row_card
from synweight_core.curated import curated_terms
from synweight_core.projects import Project
from synweight_core.weighting import WeightSettings

TEXT_CHARS = 2_000


def row_details(project: Project, rows: pd.DataFrame, row: int, settings: WeightSettings) -> None:
    """The card of the row at this position of the map."""
    shown = rows.iloc[row]
    prepared = loaded.prepared(project.id, project.data_hash)
    with st.container(border=True, key="row_card"):
        title, close = st.columns([5, 1], vertical_alignment="center")
        number = f"row {shown['row']:,} of the {shown['source']} file" + (
            f" · {shown['edit']}" if shown["edit"] else ""
        )
        title.markdown(f"**{plain(shown['label'])}** · {plain(number)}")
        close.button(
            "", icon=":material/close:", key="close_card", help="Close", on_click=_open, args=(project, len(rows), None)
        )
        for name in ("text", "text_b") if project.is_pairs else ("text",):
            text = str(shown[name])
            cut = f" … ({len(text):,} characters)" if len(text) > TEXT_CHARS else ""
            st.text(text[:TEXT_CHARS] + cut)
        if row < prepared.n_synthetic:
            _waterfall(project, shown, row, settings)
        card = row_card.row_card(row, loaded.vectors(project.id, project.data_hash), prepared, project.labels)
        copies = f"{card.copies:,} near-duplicates (cosine 0.95 or more)" if card.copies else "no near-duplicate"
        st.caption(
            f"Quality {100 * shown['quality']:.1f} % · diversity {shown['diversity']:.2f} nats · relevance "
            f"{shown['relevance']:+.1f} nats · {copies}"
        )
        left, right = st.columns(2)
        with left:
            _predictions("Quality checker (real rows)", card.quality_predictions)
        with right:
            _predictions("Diversity checker (synthetic rows)", card.diversity_predictions)
        _neighbours(project, rows, "Nearest real rows", card.nearest_real)
        _neighbours(project, rows, "Nearest synthetic rows", card.nearest_synthetic)


def _waterfall(project: Project, shown: pd.Series, row: int, settings: WeightSettings) -> None:
    terms = curated_terms(loaded.prepared(project.id, project.data_hash), settings, loaded.edits(project), row=row)
    if not terms:
        st.info("This row is excluded: it weighs 0 and is not trained on.")
        return
    table = pd.DataFrame(terms, columns=["term", "nats"])
    title = f"Why this row weighs {shown['weight']:.3g}"
    charts.show(
        charts.waterfall(table, title), table, key="waterfall",
        alt=f"{title}: " + ", ".join(f"{name} {nats:+.2f} nats" for name, nats in terms),
    )  # fmt: skip


def _predictions(title: str, predictions: list[tuple[str, float]]) -> None:
    st.caption(title)
    table = pd.DataFrame(predictions, columns=["label", "probability"])
    st.dataframe(
        table, hide_index=True, key=f"predictions:{title}",
        column_config={"probability": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)},
    )  # fmt: skip


def _neighbours(project: Project, rows: pd.DataFrame, title: str, found: list[tuple[int, float]]) -> None:
    if not found:
        return
    st.caption(f"{title}, by cosine similarity. Pick one to open it.")
    positions = [position for position, _ in found]
    table = rows[["label", "text"]].iloc[positions].assign(similarity=[cosine for _, cosine in found])
    key = f"neighbours:{title}"

    def picked() -> None:
        chosen = st.session_state[key]["selection"]["rows"]
        if chosen:
            _open(project, len(rows), positions[chosen[0]])

    st.dataframe(
        table[["similarity", "label", "text"]], hide_index=True, key=key, on_select=picked, selection_mode="single-row",
        column_config={
            "similarity": st.column_config.NumberColumn(format="%.2f", width="small"),
            "text": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip


def _open(project: Project, n: int, row: int | None) -> None:
    map_session.change(project, n, open_row=row)
