"""Trust: how far the checkers, and so the weights, deserve to be believed."""

import pandas as pd
import streamlit as st

from pages.widgets import charts, loaded, trust_charts
from pages.widgets.checker_note import probes_instead
from pages.widgets.plain import plain
from synweight_core.data import Dataset
from synweight_core.prepare import Prepared
from synweight_core.projects import Project
from synweight_core.trust import MIN_CLASS_ROWS, CheckerTrust, Leak, confusions
from synweight_core.trust_words import curve_sentence, leak_words, percent, trust_case, trust_sentence

_CHECKERS = {"quality": "Quality checker", "diversity": "Diversity checker"}


@st.fragment
def trust_panel(project: Project, prepared: Prepared, dataset: Dataset) -> None:
    """What each checker is worth on rows that it has not seen; for the quality checker what more rows would bring."""
    report, leaks = loaded.trust(project.id, project.data_hash)
    shown = st.segmented_control(
        "Checker", list(_CHECKERS), format_func=_CHECKERS.__getitem__, default="quality", required=True,
        key=f"trust:{project.id}",
    )  # fmt: skip
    if shown == "quality":
        _verdict(report.quality, leaks)
        _figures(report.quality, prepared.facts["quality_temperature"])
        _details(report.quality, dataset.labels)
        _learning_curve(project, report.quality)
        _leakage(leaks, dataset)
    else:
        _verdict(report.diversity, ())
        _figures(report.diversity, prepared.facts["diversity_temperature"])
        _details(report.diversity, dataset.labels)


def _verdict(trust: CheckerTrust, leaks: tuple[Leak, ...]) -> None:
    sentence = plain(trust_sentence(trust, leaks))
    if trust_case(trust, leaks) == "fine":
        st.success(sentence, icon=":material/verified:")
    else:
        st.warning(sentence, icon=":material/warning:")


def _figures(trust: CheckerTrust, temperature: float) -> None:
    if not trust.rows:
        return
    with st.container(horizontal=True):
        st.metric(
            "Right", percent(trust.accuracy),
            help=f"Accuracy on {trust.rows:,} rows that the checker had not seen (out of fold, or validation). "
            f"95 % Wilson interval: {percent(trust.low)} to {percent(trust.high)}.",
        )  # fmt: skip
        st.metric(
            "Most frequent class", percent(trust.majority_share),
            help="Accuracy of always naming the most frequent class of these rows. A checker must beat it.",
        )  # fmt: skip
        st.metric(
            "Claims to be right", percent(trust.mean_confidence),
            help="Mean probability of the class that the checker names. More than it is right: overconfident.",
        )  # fmt: skip
        st.metric(
            "Calibration error", f"{100 * trust.calibration_error:.1f} points",
            help="Expected calibration error: mean gap between confidence and accuracy over ten bins of confidence. "
            f"The checker's scores are divided by a temperature of {temperature:.2f}.",
        )  # fmt: skip
    if trust.in_sample:
        st.caption(
            f"{trust.in_sample:,} rows of classes that are too rare to be held out are in no figure: the checker "
            "had seen them."
        )


def _details(trust: CheckerTrust, names: tuple[str, ...]) -> None:
    if not trust.rows:
        return
    left, right = st.columns(2)
    with left:
        title = f"Claims {percent(trust.mean_confidence)}, is right in {percent(trust.accuracy)}"
        alt = f"Accuracy by confidence. {title}. Dashed: where both are equal."
        figure = trust_charts.reliability(trust.bins, title)
        charts.show(figure, trust.bins, key=f"reliability_{trust.checker}", alt=alt)
    with right:
        title = f"Recall by class, where there are {MIN_CLASS_ROWS} rows or more"
        figure = trust_charts.recalls(trust.classes, title)
        charts.show(figure, trust.classes, key=f"recalls_{trust.checker}", alt=f"{title}, lowest first.")
    mistakes = confusions(trust.confusion, names)
    title = "Which class is taken for which"
    figure = trust_charts.confusion(trust.confusion, names, title)
    charts.show(figure, mistakes, key=f"confusion_{trust.checker}", alt=f"{title}: rows by true and predicted class.")


def _learning_curve(project: Project, trust: CheckerTrust) -> None:
    probes_instead(project)
    curve = loaded.learning_curve(project.id, project.data_hash)
    title = curve_sentence(curve)
    if len(curve) < 2:
        st.caption(f"{title}.")
        return
    figure = trust_charts.learning_curve(curve, title, majority_share=trust.majority_share)
    charts.show(figure, curve, key="learning_curve", alt=f"Accuracy by number of real rows. {title}.")
    st.caption(
        "Each repeat holds another fold of the real rows out. Band: one standard error over the repeats; the title "
        "gives two. Validation rows take part, so the right end may have more rows than the checker is trained on."
    )


def _leakage(leaks: tuple[Leak, ...], dataset: Dataset) -> None:
    found = [leak for leak in leaks if leak.count]
    if not found:
        st.markdown("No validation or test row was found among the rows that the checker was trained on.")
        st.caption("Looked for: the same text, and near-duplicates in validation. Test rows have no vectors.")
        return
    for leak in found:
        st.markdown(f"{leak_words(leak)}.")
    texts = dataset.real["text"].str.cat(dataset.real["text_b"], sep=" ").str.strip()
    table = pd.DataFrame(
        [
            {"split": leak.split, "kind": leak.kind, "checker's row": texts.iloc[first], "its copy": texts.iloc[copy]}
            for leak in found
            for first, copy in leak.examples
        ]
    )
    with st.expander("Show examples"):
        st.dataframe(table, hide_index=True, key="leak_examples")
