"""Forecast: what training with these weights would be worth, beside what it has to beat; and how forecasts fared."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import streamlit as st

from pages.widgets import charts, forecast_charts, loaded, preparation
from pages.widgets.checker_note import probes_instead
from synweight_core import ledger
from synweight_core.forecast import BASELINES, METHOD, Estimate, Forecaster, estimate_table, verdict
from synweight_core.prepare import has_folds
from synweight_core.projects import Project, metric_label
from synweight_core.weighting import WeightSettings

_TOLD_SHARE = 0.01
_HELP = (
    "A weighted linear probe on the cached vectors, scored by repeated cross-validation over the real rows that are "
    "not test. The quality checker is trained anew in each fold. The interval is a bootstrap over the real rows (95 %)."
)

_PERCENT = st.column_config.NumberColumn(format="%.1f %%")
_COLUMNS = dict.fromkeys(ledger.SHARES, _PERCENT)


def forecast_panel(project: Project, settings: WeightSettings) -> None:
    """A first figure at once, then the interval, the baselines and a verdict; the finished forecast is kept."""
    if not has_folds(project):
        preparation.show(project, done=has_folds)
        return
    probes_instead(project)
    with st.spinner("Training the baselines of the forecast. It takes some seconds the first time."):
        forecaster, baselines = loaded.forecaster(project)
    if forecaster.derived_share >= _TOLD_SHARE:
        st.caption(
            f"{100 * forecaster.derived_share:.0f} % of the synthetic rows look written from one of your real rows: "
            "closer to it than most real rows are to each other. Where that row is forecast they are left out, since "
            "no new text will have such relatives."
        )
    figures, details = st.empty(), st.container()
    predictions = None
    for predictions in forecaster.predictions(settings):
        if (estimate := forecaster.estimate(predictions)).is_known:
            with figures.container(horizontal=True):
                _figures(project, estimate, forecaster.estimate(predictions, against=baselines["ce"]))
    estimate = forecaster.estimate(predictions)
    with details:
        if not estimate.is_known:
            st.info("Not enough real rows for a forecast. Add real rows: 100 or more give a useful interval.")
            return
        _details(forecaster, predictions, baselines)
    edits = loaded.edits(project)
    ledger.record(project, {
        "settings": asdict(settings), "edits": edits.n_edits if edits.edited else 0, "metric": project.metric,
        "method": METHOD, **asdict(estimate),
    })  # fmt: skip


def ledger_panel(project: Project) -> None:
    """Every forecast of this project beside the outcome of its runs."""
    kept = ledger.ledger(project)
    st.markdown(ledger.track_record(kept), help="Outcome: the metric on test rows, mean over seeds of finished runs.")
    if kept.empty:
        st.caption("Open the tab Forecast: each forecast is kept here, and joined by the runs that use its weights.")
        return
    shown = ledger.in_per_cent(kept)
    met = shown.dropna(subset="outcome")
    if not met.empty:
        title = "Forecast against outcome, a mark for each setting"
        charts.show(
            forecast_charts.against_outcomes(met, title), shown, key="ledger", alt=title, folded=False, columns=_COLUMNS
        )
    else:
        st.dataframe(shown, hide_index=True, key="ledger", column_config=_COLUMNS)


def _figures(project: Project, estimate: Estimate, difference: Estimate) -> None:
    st.metric(f"Forecast {metric_label(project.metric).lower()}", f"{100 * estimate.mean:.1f} %", help=_HELP)
    st.metric("Interval", f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f} %", help="95 %, over the real rows.")
    st.metric(
        "Against CE",
        f"{100 * difference.mean:+.1f} points",
        help="Paired: on the same real rows as CE on synthetic rows.",
    )


def _details(forecaster: Forecaster, predictions: np.ndarray, baselines: Mapping[str, np.ndarray]) -> None:
    said = [
        verdict(forecaster.estimate(predictions, against=baselines[name]), over=label)
        for name, label in BASELINES.items()
    ]
    st.markdown("\n".join(f"- {sentence}" for sentence in said))
    table = estimate_table(forecaster, {"These weights": predictions} | {BASELINES[k]: v for k, v in baselines.items()})
    title = "Forecast of these weights beside what they have to beat"
    charts.show(forecast_charts.estimates(table, title), table, key="forecast", alt=title)
