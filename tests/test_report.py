"""The report holds what the functions say, shows texts as texts, and needs no network."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from made_runs import scored_run
from test_curation import prepared_columns

from synweight_core import projects, report, report_charts, report_weights, runs, storage
from synweight_core.cli import main
from synweight_core.columns import Columns
from synweight_core.compare import metric_of
from synweight_core.curation import load_curation
from synweight_core.data import Upload, build_dataset
from synweight_core.headline import NO_RUN, headline, meter_words
from synweight_core.report_blocks import MAX_ROWS, counted, cut, points, span, table
from synweight_core.report_runs import confusion, results
from synweight_core.run_groups import scored_rows, settings_compared
from synweight_core.trust_words import percent
from synweight_core.verdict import project_verdict
from synweight_core.weighting import WeightSettings

HOSTILE = "</script><script>alert(1)</script><img src=http://127.0.0.1:9/x onerror=alert(2)> **bold** {{ 7 * 7 }} שלום"
SETTINGS = {"ce": {"loss": "ce"}, "imp": {"loss": "imp"}, "real": {"train_on": "real"}}


class Page(HTMLParser):
    """Tags with their attributes, texts outside of scripts and styles, the content of scripts, cells by row."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.texts, self.scripts, self.rows = [], [], [], []
        self._within = None
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._within = tag
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        self._within = None

    def handle_data(self, data):
        if self._within == "script":
            self.scripts.append(data)
        elif self._within != "style":
            self.texts.append(data)
            if self._within in ("td", "th"):
                self.rows[-1][-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    @property
    def policy(self):
        return next(a["content"] for tag, a in self.tags if a.get("http-equiv") == "Content-Security-Policy")


def made_project(*, texts="real message {}", labels=("a", "b"), name="Shop", pairs=False, rows=60):
    """A project that is not prepared: `rows` synthetic and as many real rows, a fifth of them test."""
    found = pd.DataFrame({"text": [texts.replace("{}", str(i)) for i in range(rows)]})
    found["label"] = [labels[i % len(labels)] for i in range(rows)]
    columns = Columns("text", "label")
    if pairs:
        found["second"], columns = [f"answer {i}" for i in range(rows)], Columns("text", "label", text_b="second")
    synthetic = Upload(f"{name}.csv", found.assign(text="made up " + found["text"]), columns)
    return projects.create_project(build_dataset(synthetic, Upload("real.csv", found, columns)), name)


def finished(project, share, **choices):
    """A run that is right on this share of the test rows."""
    test = scored_rows(project)
    t, k = len(test.labels), len(test.names)
    predicted = np.where(np.arange(t) < share * t, test.labels, (test.labels + 1) % k)
    scored_run(project, predicted, test.labels, n_classes=k, confidence=0.9, **choices)


def with_runs(project):
    """Two seeds of every setting; IMP is the best."""
    for seed in (0, 1):
        for name, share in (("ce", 0.5), ("imp", 1.0), ("real", 0.75)):
            finished(project, share, seed=seed, **SETTINGS[name])
    return project


@pytest.fixture
def weighed():
    """A way to weigh a project with made-up log-probabilities."""
    return lambda project: made_weighed(project)


def made_weighed(project):
    dataset = projects.load_dataset(project)
    labels = np.concatenate([dataset.label_codes(dataset.synthetic), dataset.label_codes(dataset.known_real)])
    drawn = np.random.default_rng(0).dirichlet(np.ones(len(dataset.labels)), size=(2, len(labels)))
    quality, diversity = np.log(drawn)
    prepared = prepared_columns(len(dataset.synthetic), quality, diversity, labels)
    weights = np.linspace(0.1, 1.9, prepared.n_synthetic)
    curation = load_curation(project)
    return report_weights.Weighed(project, dataset, prepared, WeightSettings(), curation, weights)


# --- the file -------------------------------------------------------------------------------


def test_report_without_runs_and_preparation_says_so():
    page = Page(report.build_report(made_project()))
    assert NO_RUN in page.text and "the project is not prepared" in page.text
    assert "No forecast has met its run yet." in page.text
    assert not [tag for tag, _ in page.tags if tag == "script"]
    assert "script-src 'none'" in page.policy


def test_report_of_a_project_without_test_rows_says_that_nothing_can_be_proved():
    project = made_project()
    real = pd.read_parquet(project.folder / "real.parquet")
    real[real["split"] != "test"].to_parquet(project.folder / "real.parquet")
    stored = storage.read_json(project.folder / "project.json")
    stored["counts"].pop("test")
    storage.write_json(project.folder / "project.json", stored)
    assert "nothing can be proved" in Page(report.build_report(projects.load_project(project.id))).text


def test_nothing_in_the_file_points_outside():
    page = Page(report.build_report(with_runs(made_project())))
    pointing = {"src", "href", "srcset", "action", "data", "poster", "background", "formaction"}
    assert not [(tag, attrs) for tag, attrs in page.tags if pointing & attrs.keys()]
    assert page.policy.startswith("default-src 'none'; ")
    assert "http" not in page.policy


def test_policy_names_exactly_the_scripts_of_the_file_by_their_hashes():
    page = Page(report.build_report(with_runs(made_project())))
    kinds = [attrs.get("type") for tag, attrs in page.tags if tag == "script"]
    running = [text for kind, text in zip(kinds, page.scripts, strict=True) if kind is None]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in running]
    assert re.findall(r"'sha256-([^']+)'", page.policy) == hashes and len(hashes) == 2


def test_markup_markdown_and_template_code_are_shown_as_text():
    labels = (f"a {HOSTILE}", "b")
    page = Page(report.build_report(with_runs(made_project(name=HOSTILE, labels=labels, texts=HOSTILE + " {}"))))
    assert cut(HOSTILE, 120) in page.text
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert not [script for script in page.scripts if script.strip() == "alert(1)"]


def test_texts_of_any_direction_stand_for_themselves():
    page = Page(report.build_report(with_runs(made_project(labels=("שלום", "b")))))
    shown = [attrs for tag, attrs in page.tags if tag in ("td", "li", "p", "h1")]
    own = [attrs for attrs in shown if "style" not in attrs and attrs.get("class") != "by"]  # cells of counts, the date
    assert own and all(attrs.get("dir") == "auto" for attrs in own)


def test_charts_hold_json_that_cannot_end_its_script():
    source = report.build_report(with_runs(made_project(labels=("</script><b>", "b"))))
    figures = re.findall(r'<script type="application/json" class="figure">(.*?)</script>', source, re.DOTALL)
    assert figures and all({"data", "layout"} <= json.loads(figure).keys() for figure in figures)


def test_figures_and_sentences_are_those_of_the_functions():
    project = with_runs(made_project())
    page = Page(report.build_report(project))
    (recipe,) = settings_compared(project).recipes
    found = project_verdict(recipe)
    assert found.sentence in page.text
    assert all(fact.value in page.texts for fact in headline(project, recipe, None).facts)
    for group in recipe.groups:
        sure = metric_of(group)
        row = next(row for row in page.rows if row[:2] == [group.name, "2"])
        assert row[2].startswith(f"{percent(sure.mean)} ({span(sure.low, sure.high)})")
    matrix = confusion(found.best)
    cells = next(row for row in page.rows if row[0] == "a" and len(row) == 3 and "%" not in row[1])
    assert [float(cell) for cell in cells[1:]] == matrix[0].tolist() == [6.0, 0.0]


def test_runs_that_were_left_out_are_named():
    project = with_runs(made_project())
    (runs.list_runs()[0].folder / "outputs.npz").write_bytes(b"damaged")
    assert "are absent or damaged" in Page(report.build_report(project)).text


def test_one_seed_and_missing_baselines_are_limits():
    project = made_project()
    finished(project, 1.0, loss="imp")
    text = Page(report.build_report(project)).text
    assert "No run with CE" in text and "No run on the real rows alone" in text
    assert "Fewer than 3 seeds of: IMP." in text and "Only 12 test rows" in text


def test_a_hundred_and_fifty_classes_are_cut_and_that_is_said():
    project = with_runs(made_project(labels=[f"class {i:03d}" for i in range(150)], rows=1500))
    page = Page(report.build_report(project))
    assert f"{MAX_ROWS} of 150 rows are shown: the classes found least." in page.text
    assert "The 12 classes with the most mistakes, of 150." in page.text


def test_commands_repeat_the_runs():
    project = with_runs(made_project())
    text = Page(report.build_report(project)).text
    assert f"synweight train {project.id} --loss imp --train-on synthetic --epochs 5" in text
    assert text.count("--seed 0 --seeds 2") == 3
    for line in re.findall(r"synweight (train|weigh) \S+ ((?:--[a-z-]+ \S+ ?)+)", text):
        known = {option for parameter in main.commands[line[0]].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", line[1])) <= known


def test_command_writes_the_file_and_refuses_another_kind(tmp_path):
    project, out = made_project(), tmp_path / "a" / "report.html"
    done = CliRunner().invoke(main, ["report", project.id, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert Page(out.read_text(encoding="utf-8")).text.startswith("Shop: report Shop")
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]
    refused = CliRunner().invoke(main, ["report", project.id, "--out", "report.pdf"])
    assert refused.exit_code == 2 and "ends in .html" in refused.output
    unknown = CliRunner().invoke(main, ["report", "../x", "--out", str(out)])
    assert unknown.exit_code == 1 and "id is not valid" in unknown.output


def test_report_of_the_prepared_demo_has_maps_meters_and_examples(demo):
    page = Page(report.build_report(demo))
    found = report_weights.weighed(demo, projects.load_dataset(demo))
    assert all(sentence in page.text for sentence in meter_words(found.kept_weights, found.classes))
    assert "log weight = 1 × log quality." in page.text and "The quality checker is right on" in page.text
    assert "All 1,200 synthetic and 260 real rows that are not test are drawn." in page.text
    assert len([tag for tag, _ in page.tags if tag == "circle"]) == 2 * 260
    trusted = found.dataset.synthetic["text"].iloc[report_weights.extreme_rows(found)[0]]
    assert all(cut(text) in page.text for text in trusted)
    tests = set(found.dataset.real.loc[found.dataset.real["split"] == "test", "text"])
    assert not [text for text in tests if text in page.text]


# --- parts ----------------------------------------------------------------------------------


def test_most_and_least_trusted_rows_are_those_of_extreme_weight(weighed):
    found = weighed(made_project())
    most, least = report_weights.extreme_rows(found)
    assert most.tolist() == [*range(found.prepared.n_synthetic - 1, found.prepared.n_synthetic - 11, -1)]
    assert least.tolist() == [*range(10)]


def test_excluded_rows_are_no_examples(weighed):
    from synweight_core import curation

    project = made_project()
    curation.exclude(project, np.array([0, 1]))
    assert report_weights.extreme_rows(weighed(project))[1][0] == 2


def test_pairs_show_both_texts(weighed):
    shown = report_weights.examples(weighed(made_project(pairs=True))).blocks[1]
    assert shown.headers[:2] == ("Text", "Second text")
    assert shown.rows[0][0].startswith("made up real message") and shown.rows[0][1].startswith("answer")


def test_a_megabyte_of_text_is_cut_and_that_is_said(weighed):
    shown = report_weights.examples(weighed(made_project(texts="x" * 1_000_000 + " {}", rows=40))).blocks[1]
    assert all(len(row[0]) < 400 and "(cut: 1,000,0" in row[0] for row in shown.rows)


@pytest.mark.parametrize("section", ["maps", "weight_meters", "examples"])
def test_sections_on_weights_stand_with_150_classes(weighed, section):
    project = made_project(labels=[f"class {i:03d}" for i in range(150)], rows=1500)
    made = getattr(report_weights, section)(weighed(project))
    assert made.title and made.blocks


def test_legend_of_many_classes_says_how_many_more(weighed):
    project = made_project(labels=[f"class {i:03d}" for i in range(150)], rows=1500)
    before = report_weights.maps(weighed(project)).blocks[1]
    assert before.legend[-1][1] == "and 126 more classes, whose colours may repeat"


def test_map_draws_a_sample_of_many_rows_and_says_so(weighed):
    dots, rings = report_charts.sample(200_000, 3_000)
    assert (len(dots), len(rings)) == (5_000, 1_000)
    assert rings.min() >= 200_000 and rings.max() < 203_000 and len(set(dots.tolist())) == 5_000
    said = report_weights._sample_words(5_000, 200_000, 1_000, 3_000)
    assert said.startswith("This is a sample: 5,000 of 200,000 synthetic rows and 1,000 of 3,000 real rows")


def test_rows_of_a_map_stand_where_they_lie():
    dots = np.array([[0.0, 0.0], [10.0, 5.0]])
    svg = report_charts.map_svg(dots, ["#111111", "#222222"], np.array([[5.0, 2.5]]), alt="<map>")
    (left, low), (right, high) = re.findall(r"M(\d+) (\d+)h0", svg)
    assert int(left) < 500 < int(right) and int(low) > int(high)
    assert 'aria-label="&lt;map&gt;"' in svg and 'cx="500"' in svg


def test_map_of_no_row_and_of_rows_in_one_place_is_drawn():
    empty = np.zeros((0, 2))
    assert report_charts.map_svg(empty, [], empty, alt="none").startswith("<svg")
    assert report_charts.map_svg(np.ones((3, 2)), ["#111111"] * 3, empty, alt="same").count("h0") == 3


def test_weight_one_is_grey_and_no_weight_has_a_colour_of_its_own():
    scale = report_charts.weight_scale()
    assert report_charts.weight_colours(np.array([1 / 8, 1.0, 8.0, 0.01])) == [scale[0], scale[6], scale[-1], scale[0]]
    assert report_charts.weight_colours(np.array([0.0]))[0] not in scale
    assert [name for _, name in report_charts.weight_legend(np.array([0.0, 1.0]))][-1] == "no weight"
    assert len(report_charts.weight_legend(np.ones(2))) == 7


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\n b", "a b"), ("x" * 10, "x" * 10), ("x" * 11, f"{'x' * 10}… (cut: 11 characters)"), ("", "")],
)
def test_texts_are_cut_to_one_line(text, shown):
    assert cut(text, 10) == shown


def test_tables_are_cut_to_thirty_rows_and_say_so():
    made = table("t", ("a",), [(i,) for i in range(31)], note="Note.")
    assert len(made.rows) == 30 and made.note == "30 of 31 rows are shown: the first. Note."
    assert table("t", ("a",), [("x",)]).note == ""


def test_figures_in_words():
    assert (points(0.031), points(-0.002), points(-0.0001)) == ("+3.1 points", "−0.2 points", "+0.0 points")
    assert span(-0.01, 1.2) == "0.0 to 100.0"
    assert (counted(1, "row"), counted(1200, "row")) == ("1 row", "1,200 rows")


def test_results_name_the_best_setting_first():
    (recipe,) = settings_compared(with_runs(made_project())).recipes
    settings = results(recipe).blocks[1]
    assert [row[0] for row in settings.rows] == ["IMP", "Real rows alone (baseline)", "CE"]


def test_headline_falls_back_to_what_is_known():
    project = made_project()
    (recipe,) = settings_compared(with_runs(project)).recipes
    of_runs, of_weights, of_rows = (
        headline(project, recipe, np.ones(60)), headline(project, None, np.ones(60)), headline(project, None, None),
    )  # fmt: skip
    assert [fact.label for fact in of_runs.facts] == [
        "Accuracy of IMP", "IMP against CE", "IMP against the real rows alone",
    ]  # fmt: skip
    assert of_weights.facts[0].value == "60" and of_weights.facts[0].label == "Effective sample size"
    assert of_rows.facts[0].label == "Synthetic rows" and of_rows.sentence == NO_RUN


# --- in a browser ---------------------------------------------------------------------------


@pytest.mark.browser
def test_file_opens_without_a_network_and_draws_its_charts(browser, demo, tmp_path):
    out = tmp_path / "report.html"
    report.write_report(with_runs(demo), out)
    context = browser.new_context(offline=True, viewport={"width": 1000, "height": 1200})
    context.set_default_timeout(120_000)
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(out.as_uri())
    page.locator(".chart .main-svg").first.wait_for()
    (recipe,) = settings_compared(demo).recipes
    assert page.locator(".verdict").inner_text() == project_verdict(recipe).sentence
    charts = page.locator(".chart")
    assert charts.count() == page.locator(".chart:has(.main-svg)").count() >= 3
    assert page.locator(".picture svg").count() == 2
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 1000})  # A4 between its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 680
    assert (said, asked) == ([], [out.as_uri()])
    context.close()
