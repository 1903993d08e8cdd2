"""Controls for every term of the weights. What they show is kept in the project folder at each move."""

from dataclasses import dataclass, replace

import streamlit as st

from pages.widgets import loaded
from pages.widgets.settings_panel import take_link
from pages.widgets.suggest_note import suggest_note
from pages.widgets.trouble import told_briefly
from synweight_core import project_settings
from synweight_core.prepare import Prepared
from synweight_core.presets import PRESETS, formula_words, preset_of, with_preset
from synweight_core.projects import Project
from synweight_core.weighting import BALANCES, WeightSettings


@dataclass(frozen=True)
class _Slider:
    """The slider of one field of WeightSettings; `scale` times the field is what it shows."""

    label: str
    low: float
    high: float
    step: float
    help: str
    scale: float = 1.0
    format: str | None = None

    def shown(self, value: float) -> float:
        return round(self.scale * value, 9)

    def read(self, shown: float) -> float:
        return round(shown / self.scale, 9)


_SLIDERS = {
    "alpha": _Slider("Alpha: trust in quality", 0, 3, 0.05,
                     "Exponent of quality. 0 ignores quality; 2 counts doubt twice."),
    "beta": _Slider("Beta: reward for rare rows", 0, 2, 0.05,
                    "Exponent of the diversity checker. 0 ignores it; 1 divides by what the synthetic set finds easy."),
    "min_weight": _Slider("Smallest weight", 0, 1, 0.05, "No row counts less than this. 0 can switch a row off."),
    "max_weight": _Slider("Largest weight", 1, 50, 0.5,
                          "No row counts more than this. The mean weight stays 1."),
    "relevance": _Slider("Relevance: reads like a real row", 0, 2, 0.05,
                         "Exponent of how much more often such a text is real than synthetic. 0 ignores it."),
    "temperature": _Slider("Temperature of quality (1 = calibrated)", 0.25, 4, 0.05,
                           "Factor on the fitted temperature of the quality checker. 1 leaves it as calibrated; above "
                           "1 its judgements are softer, below 1 sharper."),
    "soft_share": _Slider("Soft targets: trust in the checker's label", 0, 100, 5,
                          "How much of what a row teaches is what the quality checker says of it; the rest is its "
                          "label. A weight only makes a wrong label count less; this says what it should have been.",
                          scale=100, format="%g %%"),
    "drop_share": _Slider("Drop the worst", 0, 90, 1,
                          "The rows with the lowest quality, as many as this, weigh 0 and are not trained on.",
                          scale=100, format="%g %%"),
    "real_mass": _Slider("Real rows' share of the weight", 0, 90, 1,
                         "In training the real rows join with this share of the weight, each seen several times in a "
                         "pass where that is much. 0 %: synthetic rows alone.",
                         scale=100, format="%g %%"),
}  # fmt: skip
_MAIN = ("alpha", "beta", "soft_share", "min_weight", "max_weight")


def weight_controls(project: Project, *, is_compact: bool = False) -> WeightSettings:
    """Draw the controls; the settings that they show. Compact ones fold all but the main terms."""
    take_link(project)
    stored = project_settings.load_settings(project)
    _presets(project, stored)
    suggest_note(project, stored)
    st.caption(formula_words(stored))
    for name in _MAIN:
        _slider(project, stored, name)
    with st.expander("More terms") if is_compact else st.container():
        _more_terms(project, stored)
    return stored


def quality_help(project: Project, prepared: Prepared) -> str:
    """What quality is, with this project's numbers."""
    facts = prepared.facts
    return (
        f"Quality = P(label | text) by the checker trained on {project.counts.get('train', 0):,} real rows "
        f"({100 * facts['quality_accuracy']:.1f} % right out of fold, expected calibration error "
        f"{100 * facts['quality_calibration_error']:.1f} points)."
    )


def _presets(project: Project, stored: WeightSettings) -> None:
    key, first = _key(project, "preset"), project_settings.first_settings(project)
    st.session_state[key] = preset_of(stored, preferred=st.session_state.get(key))
    st.segmented_control(
        "Preset", list(PRESETS), format_func=lambda name: PRESETS[name].label, key=key, wrap=True,
        on_change=_use_preset, args=(project,),
        help="\n".join(f"- **{preset.label}**: {preset.help}" for preset in PRESETS.values())
        + "\n\nThe smallest and the largest weight stay as they are.",
    )  # fmt: skip
    st.button(
        "Reset", icon=":material/restart_alt:", key=_key(project, "reset"), help="All terms as the project began.",
        on_click=told_briefly(project_settings.save_settings),
        args=(project, first), disabled=stored == first,
    )  # fmt: skip


def _more_terms(project: Project, stored: WeightSettings) -> None:
    _slider(project, stored, "relevance")
    _slider(project, stored, "temperature")
    fitted = loaded.prepared(project.id, project.data_hash).facts["quality_temperature"]
    used = f"; in use: {stored.temperature * fitted:.2f}" if stored.temperature != 1 else ""
    st.caption(f"Fitted temperature {fitted:.2f}{used}.")
    _slider(project, stored, "drop_share")
    _slider(project, stored, "real_mass")
    key = _key(project, "balance")
    st.session_state[key] = stored.balance
    st.segmented_control(
        "Class balance", list(BALANCES), format_func=BALANCES.__getitem__, key=key, required=True, wrap=True,
        on_change=_save, args=(project, "balance"),
        help="Which share of the weight, and of soft targets, each class has: what follows from its rows, that of the "
        "real rows, or equal.",
    )  # fmt: skip


def _slider(project: Project, stored: WeightSettings, name: str) -> None:
    slider, key = _SLIDERS[name], _key(project, name)
    value = slider.shown(getattr(stored, name))
    st.session_state[key] = value  # the disk is the truth: a widget forgets its value when the page changes
    st.slider(
        slider.label,
        min(float(slider.low), value),  # the command line may have set one beyond the usual range
        max(float(slider.high), value),
        step=float(slider.step),
        key=key,
        help=slider.help,
        format=slider.format,
        on_change=_save,
        args=(project, name),
    )


@told_briefly
def _use_preset(project: Project) -> None:
    name = st.session_state[_key(project, "preset")]
    if name is not None:
        project_settings.save_settings(project, with_preset(name, project_settings.load_settings(project)))


@told_briefly
def _save(project: Project, name: str) -> None:
    """One control was moved: its field changes, the others stay as they are on the disk."""
    value = st.session_state[_key(project, name)]
    if name in _SLIDERS:
        value = _SLIDERS[name].read(value)
    project_settings.save_settings(project, replace(project_settings.load_settings(project), **{name: value}))


def _key(project: Project, name: str) -> str:
    return f"{name}:{project.id}"
