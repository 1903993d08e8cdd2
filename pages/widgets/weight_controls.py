"""Sliders for the weight formula. What they show is kept in the project folder at each move."""

import numpy as np
import streamlit as st

from synweight_core import projects
from synweight_core.curated import curated_weights
from synweight_core.curation import Curation
from synweight_core.prepare import Prepared
from synweight_core.projects import Project
from synweight_core.weighting import LOSSES, WeightSettings

_SLIDERS = {
    "alpha": ("Alpha: trust in quality", 0.0, 3.0, 0.05,
              "Exponent of quality. 0 ignores quality; 2 counts doubt twice."),
    "beta": ("Beta: reward for rare rows", 0.0, 2.0, 0.05,
             "Exponent of the diversity checker. 0 ignores it; 1 divides by what the synthetic set finds easy."),
    "min_weight": ("Smallest weight", 0.0, 1.0, 0.05, "No row counts less than this. 0 can switch a row off."),
    "max_weight": ("Largest weight", 1.0, 50.0, 0.5, "No row counts more than this. The mean weight stays 1."),
}  # fmt: skip
PRESETS = {
    name: (float(loss.alpha), float(loss.beta or 0))
    for name, loss in LOSSES.items()
    if loss.alpha is not None and loss.reference != "model"
}


def weight_controls(project: Project) -> WeightSettings:
    """Draw the controls; the settings that they show."""
    stored = projects.load_settings(project)
    for name in _SLIDERS:  # the disk is the truth: a widget forgets its value when the page changes
        st.session_state[_key(project, name)] = getattr(stored, name)
    _presets(project)
    for name, (label, low, high, step, help_text) in _SLIDERS.items():
        value = getattr(stored, name)  # the command line may have set one beyond the usual range
        st.slider(
            label,
            min(low, value),
            max(high, value),
            step=step,
            key=_key(project, name),
            help=help_text,
            on_change=_save,
            args=(project,),
        )
    settings = _shown(project)
    st.caption(f"log weight = {settings.alpha:g} × log quality − {settings.beta:g} × log diversity checker")
    return settings


def row_weights(prepared: Prepared, settings: WeightSettings, curation: Curation) -> np.ndarray:
    """Weights of the synthetic rows at these settings, as they are edited; 0 for excluded ones. [n]"""
    return curated_weights(prepared, settings, curation)


def quality_help(project: Project, prepared: Prepared) -> str:
    """What quality is, with this project's numbers."""
    facts = prepared.facts
    return (
        f"Quality = P(label | text) by the checker trained on {project.counts['train']:,} real rows "
        f"({100 * facts['quality_accuracy']:.1f} % right out of fold, expected calibration error "
        f"{100 * facts['quality_calibration_error']:.1f} points)."
    )


def _presets(project: Project) -> None:
    shown = _shown(project)
    current = next((n for n, exponents in PRESETS.items() if exponents == (shown.alpha, shown.beta)), None)
    st.session_state[_key(project, "preset")] = current
    st.segmented_control(
        "Preset",
        list(PRESETS),
        format_func=lambda name: LOSSES[name].label + (", DIMP preview" if name == "imp" else ""),
        key=_key(project, "preset"),
        wrap=True,
        on_change=_use_preset,
        args=(project,),
        help="DIMP divides by the model in training; before training the diversity checker stands in, as in IMP.",
    )


def _use_preset(project: Project) -> None:
    name = st.session_state[_key(project, "preset")]
    if name is not None:
        for slider, value in zip(("alpha", "beta"), PRESETS[name], strict=True):
            st.session_state[_key(project, slider)] = value
        _save(project)


def _shown(project: Project) -> WeightSettings:
    return WeightSettings(**{name: st.session_state[_key(project, name)] for name in _SLIDERS})


def _save(project: Project) -> None:
    projects.save_settings(project, _shown(project))


def _key(project: Project, name: str) -> str:
    return f"{name}:{project.id}"
