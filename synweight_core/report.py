"""A report for people who do not train models: one HTML file that needs nothing else, to read, send and print.

It holds the app's own scripts and no other: a policy in its head forbids the network and names the two scripts that
may run by their hashes, so that a text from a file can neither load nor run anything.
"""

import base64
import hashlib
import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from synweight_core import __version__, project_settings, projects, report_notes, report_runs, report_weights, storage
from synweight_core.headline import Headline, headline
from synweight_core.projects import Project
from synweight_core.report_blocks import MAX_NAME_CHARS, Chart, Facts, Points, Section, Words, cut
from synweight_core.run_groups import Recipe, settings_compared
from synweight_core.verdict import project_verdict

_DRAW = """
for (const told of document.querySelectorAll('script.figure')) {
  const { data, layout } = JSON.parse(told.textContent);
  Plotly.newPlot(told.previousElementSibling, data, layout, { staticPlot: true });
}
"""
_SENTENCE_CHARS = 1_000


def build_report(project: Project) -> str:
    """The report as HTML. It works without runs and before preparation, and then says what is missing.

    Raises:
        DataError: the log of edits is damaged, so that nobody knows the weights.
    """
    sections, scripts = tuple(_sections(project)), _scripts()
    has_charts = any(isinstance(block, Chart) for section in sections for block in section.blocks)
    used = scripts if has_charts else ()
    return _environment().get_template("report.html").render(
        title=cut(project.name, 2 * MAX_NAME_CHARS), made=f"{datetime.now():%Y-%m-%d %H:%M}", version=__version__,
        project_id=project.id, sections=sections, scripts=used, policy=_policy(used),
    )  # fmt: skip


def write_report(project: Project, path: Path) -> None:
    """Build the report and put it at `path`, whole or not at all."""
    content = build_report(project)
    storage.write_atomically(path, lambda temporary: temporary.write_text(content, encoding="utf-8"))


def _sections(project: Project) -> list[Section]:
    dataset, compared = projects.load_dataset(project), settings_compared(project)
    found = report_weights.weighed(project, dataset)
    recipe = next(iter(compared.recipes), None)
    said = headline(project, recipe, found.kept_weights if found else None)
    settings = found.settings if found else project_settings.load_settings(project)
    return [
        _verdict(said),
        report_weights.what_was_done(project, dataset, found),
        *(_of_runs(recipe) if recipe else []),
        *([report_weights.maps(found), report_weights.weight_meters(found)] if found else []),
        report_runs.forecasts(project),
        *([report_weights.examples(found)] if found else []),
        report_notes.limits(project, compared, said.missing),
        report_notes.reproduction(project, settings, recipe),
    ]


def _verdict(said: Headline) -> Section:
    missing = (Words("What is missing for a better verdict:"), Points(said.missing)) if said.missing else ()
    return Section("Verdict", (Words(cut(said.sentence, _SENTENCE_CHARS), "verdict"), Facts(said.facts), *missing))


def _of_runs(recipe: Recipe) -> list[Section]:
    best = project_verdict(recipe).best
    return [
        report_runs.results(recipe), report_runs.class_by_class(recipe, best), report_runs.confusions(recipe, best),
    ]  # fmt: skip


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("synweight_core"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["figure_json"] = _figure_json
    return made


def _figure_json(figure: Any) -> Markup:  # noqa: ANN401 (a Plotly figure)
    """A figure as JSON that is safe within a script element."""
    return htmlsafe_json_dumps(json.loads(figure.to_json()))


@cache
def _scripts() -> tuple[Markup, ...]:
    """Plotly and what draws the figures, as they stand in the file. No text of a file is in them."""
    from plotly.offline import get_plotlyjs

    return Markup(get_plotlyjs()), Markup(_DRAW)


def _policy(scripts: tuple[Markup, ...]) -> str:
    """A Content Security Policy: no network at all, and no script but these."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
