"""Pages through AppTest: what they show, and what they do with wrong input."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, ended
from streamlit.testing.v1 import AppTest

from synweight_core import curation, named_settings, project_settings, projects, selections
from synweight_core.presets import DEFAULT, settings_words
from synweight_core.suggest_job import start_suggesting
from synweight_core.weighting import WeightSettings

PAGES = ("data", "map", "weights", "train", "runs", "projects")
TEXTS = [f"real message {i} about {'ab'[i % 2]}" for i in range(40)]
GOOD_REAL = pd.DataFrame({"text": TEXTS, "label": list("ab") * 20})


def app(page="map", **query):
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in query.items():
        test.query_params[name] = value
    test.run()
    return test.switch_page(f"pages/{page}.py").run()


def texts(test):
    elements = [*test.error, *test.info, *test.markdown, *test.caption, *test.warning]
    return "\n".join(element.value.replace("\\", "") for element in elements)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_on_the_prepared_demo(demo, page):
    test = app(page, project=demo.id)
    assert not test.exception
    assert test.header[0].value == page.capitalize()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_an_empty_workspace_says_how_to_begin(workspace, page):
    test = app(page)
    assert not test.exception
    assert any(button.label == "Open the demo" for button in test.button)


@pytest.mark.parametrize("bad", ["../../etc", "no-such-project", "a/b", "%00"])
def test_project_ids_from_the_url_are_validated_and_another_project_opens(demo, bad):
    test = app("map", project=bad)
    assert not test.exception
    assert test.query_params["project"] in (demo.id, [demo.id])


def test_moving_alpha_changes_the_meters_and_is_kept_on_disk(demo):
    test = app("weights", project=demo.id)
    before = test.metric[0].value
    test.slider(key=f"alpha:{demo.id}").set_value(2.0).run()
    assert test.metric[0].value != before
    assert project_settings.load_settings(demo).alpha == 2.0


def test_preset_sets_the_exponents(demo):
    test = app("weights", project=demo.id)
    test.segmented_control(key=f"preset:{demo.id}").set_value("imp").run()
    assert (test.slider(key=f"alpha:{demo.id}").value, test.slider(key=f"beta:{demo.id}").value) == (1.0, 1.0)
    assert project_settings.load_settings(demo).beta == 1.0


def test_presets_of_equal_terms_show_the_one_that_was_chosen(demo):
    test = app("weights", project=demo.id)
    key = f"preset:{demo.id}"
    assert test.segmented_control(key=key).value == "blended"
    test.segmented_control(key=key).set_value("dimp").run()
    assert test.segmented_control(key=key).value == "dimp"
    test.slider(key=f"relevance:{demo.id}").set_value(0.3).run()
    assert test.segmented_control(key=key).value is None


def test_preset_keeps_the_caps_and_reset_does_not(demo):
    project_settings.save_settings(demo, WeightSettings(alpha=2, relevance=1, max_weight=5))
    test = app("weights", project=demo.id)
    test.segmented_control(key=f"preset:{demo.id}").set_value("filtered").run()
    assert project_settings.load_settings(demo) == WeightSettings(0, 0, max_weight=5, drop_share=0.3)
    assert test.slider(key=f"drop_share:{demo.id}").value == 30
    test.button(key=f"reset:{demo.id}").click().run()
    assert project_settings.load_settings(demo) == DEFAULT
    assert test.slider(key=f"max_weight:{demo.id}").value == 10


def test_settings_that_were_suggested_are_said_to_be_and_reset_brings_them_back(demo):
    first = WeightSettings(2, 0, soft_share=1)
    project_settings.save_first_settings(demo, first)
    test = app("weights", project=demo.id)
    assert "Suggested for this project by forecasts" in texts(test)
    test.slider(key=f"alpha:{demo.id}").set_value(1).run()
    assert project_settings.load_settings(demo) == replace(first, alpha=1)
    assert "Suggested for this project by forecasts" not in texts(test)
    test.button(key=f"reset:{demo.id}").click().run()
    assert project_settings.load_settings(demo) == first


def test_page_says_that_first_settings_are_being_looked_for(demo):
    run_id = start_suggesting(demo, is_first=True)
    test = app("weights", project=demo.id)
    assert "are being looked for" in texts(test) and "Until then: alpha 1, " in texts(test)
    assert ended(run_id).status == "finished"
    test.run()
    assert "Suggested for this project by forecasts" in texts(test)
    assert test.slider(key=f"alpha:{demo.id}").value == project_settings.first_settings(demo).alpha


@pytest.mark.parametrize(
    ("name", "shown", "kept"),
    [
        ("relevance", 0.5, 0.5),
        ("temperature", 2.0, 2.0),
        ("drop_share", 29.0, 0.29),
        ("real_mass", 20.0, 0.2),
        ("soft_share", 25.0, 0.25),
    ],
)
@pytest.mark.parametrize("page", ["map", "weights"])
def test_every_term_has_a_slider_that_is_kept_on_disk(demo, page, name, shown, kept):
    test = app(page, project=demo.id)
    test.slider(key=f"{name}:{demo.id}").set_value(shown).run()
    assert not test.exception
    assert project_settings.load_settings(demo) == replace(DEFAULT, **{name: kept})
    assert test.slider(key=f"{name}:{demo.id}").value == shown


def test_class_balance_changes_the_weights_and_is_kept(demo):
    test = app("weights", project=demo.id)
    before = test.metric[0].value
    test.segmented_control(key=f"balance:{demo.id}").set_value("uniform").run()
    assert project_settings.load_settings(demo).balance == "uniform"
    assert test.metric[0].value != before
    assert "Class shares of what is taught: all classes alike" in texts(test)


def test_only_the_map_folds_further_terms(demo):
    folded = {page: [e.label for e in app(page, project=demo.id).expander] for page in ("map", "weights")}
    assert "More terms" in folded["map"] and "More terms" not in folded["weights"]


def test_settings_beyond_the_sliders_are_shown_and_survive_a_move_of_another(demo):
    beyond = WeightSettings(alpha=7, beta=-1, relevance=4, temperature=15, drop_share=0.935, real_mass=0.95)
    project_settings.save_settings(demo, beyond)
    test = app("weights", project=demo.id)
    assert not test.exception
    assert test.slider(key=f"drop_share:{demo.id}").value == 93.5
    test.slider(key=f"max_weight:{demo.id}").set_value(20.0).run()
    assert project_settings.load_settings(demo) == replace(beyond, max_weight=20)


def test_formula_names_the_terms_in_use_and_the_fitted_temperature(demo):
    project_settings.save_settings(demo, WeightSettings(beta=0.5, relevance=0.3, temperature=2))
    shown = texts(app("weights", project=demo.id))
    assert "log weight = 1 × log quality − 0.5 × log diversity checker + 0.3 × log relevance. Quality at 2" in shown
    assert re.search(r"Fitted temperature \d\.\d\d; in use: \d\.\d\d\.", shown)


def test_train_form_says_which_weights_are_used(demo):
    project_settings.save_settings(demo, WeightSettings(beta=0.5, drop_share=0.3))
    assert "on the Weights page: alpha 1, beta 0.5, drop 30 %, weights 0 to 10." in texts(app("train", project=demo.id))


# --- kept settings


def test_settings_are_kept_compared_applied_and_deleted(demo):
    test = app("weights", project=demo.id)
    test.slider(key=f"alpha:{demo.id}").set_value(2.0).run()
    next(box for box in test.text_input if box.label == "Keep the settings in use as").set_value("Strict *one*")
    press(test, "Keep settings")
    (kept,) = named_settings.list_settings(demo)
    assert kept.settings == replace(DEFAULT, alpha=2)
    test.button(key=f"reset:{demo.id}").click().run()
    table = next(frame.value for frame in test.dataframe if "half_rows" in frame.value and "settings" in frame.value)
    assert table["name"].tolist() == ["In use", "Strict *one*"]
    assert table["settings"].tolist() == [settings_words(DEFAULT), settings_words(kept.settings)]
    assert table["effective_sample_size"][0] > table["effective_sample_size"][1]
    assert f"{table['effective_sample_size'][0]:,.0f} rows" == test.metric[0].value
    press(test, "Apply")
    assert project_settings.load_settings(demo).alpha == 2
    assert test.slider(key=f"alpha:{demo.id}").value == 2
    assert any(f"settings={kept.slug}" in code.value for code in test.code)
    press(test, "Delete")
    assert not named_settings.list_settings(demo)
    assert not test.exception


@pytest.mark.parametrize("page", ["map", "weights"])
def test_link_applies_kept_settings_once(demo, page):
    slug = named_settings.keep_settings(demo, "Mine", WeightSettings(alpha=3, real_mass=0.2))
    test = app(page, project=demo.id)
    test.query_params["settings"] = slug
    test.run()
    assert not test.exception
    assert test.slider(key=f"alpha:{demo.id}").value == 3
    assert project_settings.load_settings(demo) == WeightSettings(alpha=3, real_mass=0.2)
    assert "settings" not in test.query_params
    test.slider(key=f"alpha:{demo.id}").set_value(1.0).run()
    assert project_settings.load_settings(demo).alpha == 1


BAD_SETTINGS = {
    "../../etc/passwd": (None, "This id is not valid"),
    "gone-12345678": (None, "There are no settings 'gone-12345678' in this project."),
    "torn": ("{", "The file of the settings 'torn' is damaged"),
    "later": (
        '{"name": "x", "created": 1, "settings": {"gamma": 1}}',
        "The settings 'later' were kept by another version of the app",
    ),
    "wrong": (
        '{"name": "x", "created": 1, "settings": {"drop_share": 7}}',
        "The file of the settings 'wrong' is damaged",
    ),
    "huge": ('{"name": "x", "created": 1, "settings": {"max_weight": 1e9}}', "max_weight: expected finite numbers"),
}


@pytest.mark.parametrize("slug", BAD_SETTINGS)
def test_link_to_settings_that_cannot_be_used_says_so_and_changes_nothing(demo, slug):
    content, message = BAD_SETTINGS[slug]
    if content:
        (demo.folder / "settings").mkdir()
        (demo.folder / "settings" / f"{slug}.json").write_text(content)
    test = app("weights", project=demo.id)
    test.query_params["settings"] = slug
    test.run()
    assert not test.exception
    assert f"The settings of this link were not applied. {message}" in texts(test)
    assert project_settings.load_settings(demo) == DEFAULT


def test_collapsed_weights_are_said_loudly(demo):
    test = app("weights", project=demo.id)
    test.slider(key=f"alpha:{demo.id}").set_value(0.0).run()
    test.slider(key=f"max_weight:{demo.id}").set_value(50.0).run()
    test.slider(key=f"beta:{demo.id}").set_value(2.0).run()
    assert "The weights have collapsed" in texts(test)


def upload(test, role, name, content):
    uploader = next(u for u in test.file_uploader if u.key.startswith(f"file:{role}:"))
    uploader.set_value((name, content, "application/octet-stream")).run()


def csv(frame):
    return frame.to_csv(index=False).encode()


def press(test, label):
    next(button for button in test.button if button.label == label).click().run()


def create(synthetic, real=None, *, name="synthetic.csv"):
    test = app("data")
    upload(test, "real", "real.csv", csv(GOOD_REAL) if real is None else real)
    upload(test, "synthetic", name, synthetic)
    if any(button.label == "Check files and create project" for button in test.button):
        press(test, "Check files and create project")
    return test


BAD_INPUT = {
    "one synthetic row": (
        csv(GOOD_REAL[:1]),
        None,
        "1 usable synthetic rows with 1 labels were found",
    ),
    "no label column": (csv(GOOD_REAL[["text"]]), None, "no column for the label was found. The file has: text."),
    "empty file": (b"", None, "is empty"),
    "binary junk": (bytes(range(256)) * 50, None, "binary"),
    "one class only": (csv(GOOD_REAL), csv(GOOD_REAL.assign(label="a")), "all 40 rows have the label 'a'"),
    "3 real rows": (csv(GOOD_REAL), csv(GOOD_REAL[:3]), "3 usable real rows were found; at least 20 are needed"),
    "200,000 columns": (",".join(map(str, range(200_000))).encode() + b"\n1,2", None, "more than the 1,000 columns"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_gives_a_plain_message_and_keeps_the_other_file(workspace, case):
    synthetic, real, message = BAD_INPUT[case]
    test = create(synthetic, real)
    assert not test.exception
    assert message in texts(test)
    assert "real.csv" in texts(test)
    assert not projects.list_projects()


def foreign_label(choice):
    test = app("data")
    upload(test, "real", "real.csv", csv(GOOD_REAL))
    upload(
        test,
        "synthetic",
        "synthetic.csv",
        csv(GOOD_REAL.assign(text="made up " + GOOD_REAL["text"], label=["a", "b", "z", "z"] * 10)),
    )
    assert "1 synthetic label name is not among the real ones" in texts(test)
    next(box for box in test.selectbox if box.label.startswith("Synthetic rows whose label")).set_value(choice).run()
    press(test, "Check files and create project")
    return test


def test_labels_that_real_rows_lack_are_refused_when_that_is_chosen(workspace):
    test = foreign_label("block")
    assert "20 rows have labels that no real row has: z. The real rows have: a, b." in texts(test)
    assert "Your files and choices are kept" in texts(test)


def test_labels_that_real_rows_lack_are_left_out_by_default_and_counted(workspace):
    foreign_label("drop")
    project = projects.list_projects()[0]
    assert (project.counts["synthetic"], project.counts["dropped"]) == (20, 20)


def test_reload_in_the_middle_of_an_upload_loses_nothing(workspace):
    test = app("data")
    upload(test, "synthetic", "mine.csv", csv(GOOD_REAL))
    draft = test.query_params["draft"]
    again = app("data", draft=draft[0] if isinstance(draft, list) else draft)
    assert "mine.csv" in texts(again)


def test_a_good_pair_of_files_becomes_a_project_and_its_preparation_starts(workspace):
    from synweight_core import runs

    test = create(csv(GOOD_REAL.assign(text=GOOD_REAL["text"].str.replace("real", "made up"))))
    assert not test.exception
    assert [p.counts["synthetic"] for p in projects.list_projects()] == [40]
    started = runs.list_runs(kind="prepare")
    assert len(started) == 1
    runs.request_stop(started[0].id)


HOSTILE = "![x](http://127.0.0.1:9/p.png) <b>$y^2$ :red[z]"


@pytest.mark.parametrize("page", PAGES)
def test_hostile_names_reach_no_markdown_of_any_page(workspace, page):
    from synweight_core.columns import Columns
    from synweight_core.data import Upload, build_dataset

    rows = GOOD_REAL.assign(label=[HOSTILE, "b"] * 20)
    synthetic = rows.assign(text="made up " + rows["text"])
    columns = Columns("text", "label")
    dataset = build_dataset(Upload(HOSTILE, synthetic, columns), Upload(HOSTILE, pd.concat([rows, rows]), columns))
    project = projects.create_project(dataset, HOSTILE, metric=f"recall:{HOSTILE}")
    test = app(page, project=project.id)
    assert not test.exception
    shown = [*test.markdown, *test.caption, *test.error, *test.info, *test.subheader, *test.header, *test.title]
    assert not [element.value for element in shown if "![x](" in element.value or " :red[" in element.value]


def test_markdown_and_html_of_uploads_is_shown_letter_by_letter(demo):
    from pages.widgets.charts import safe
    from pages.widgets.plain import plain

    assert plain("![x](h) <b>:red[y] $z$") == r"\!\[x\]\(h\) \<b\>\:red\[y\] \$z\$"
    assert safe("<a href='x'>y</a>") == "&lt;a href='x'&gt;y&lt;/a&gt;"


def test_a_reload_keeps_the_name_and_the_choices_of_a_draft(workspace):
    test = app("data")
    upload(test, "real", "real.csv", csv(GOOD_REAL))
    upload(test, "synthetic", "mine.csv", csv(GOOD_REAL.assign(label=["a", "z"] * 20)))
    next(box for box in test.text_input if box.label == "Project name").set_value("My name").run()
    next(box for box in test.selectbox if box.label == "Metric").set_value("macro_f1").run()
    next(box for box in test.selectbox if box.label == "z").set_value("b").run()
    draft = test.query_params["draft"]
    again = app("data", draft=draft[0] if isinstance(draft, list) else draft)
    assert next(box for box in again.text_input if box.label == "Project name").value == "My name"
    assert next(box for box in again.selectbox if box.label == "Metric").value == "macro_f1"
    assert next(box for box in again.selectbox if box.label == "z").value == "b"


def test_fine_tuned_checkers_are_chosen_when_a_project_is_made(workspace):
    from synweight_core import runs

    test = app("data")
    upload(test, "real", "real.csv", csv(GOOD_REAL))
    upload(test, "synthetic", "mine.csv", csv(GOOD_REAL.assign(text="made up " + GOOD_REAL["text"])))
    model = next(box for box in test.text_input if box.label == "Model of the checkers")
    assert model.disabled
    next(box for box in test.selectbox if box.label == "Checkers").set_value("finetuned").run()
    model = next(box for box in test.text_input if box.label == "Model of the checkers")
    assert not model.disabled
    model.set_value("my/encoder").run()
    press(test, "Check files and create project")
    (project,) = projects.list_projects()
    assert (project.checker, project.checker_model) == ("finetuned", "my/encoder")
    (started,) = runs.list_runs(kind="prepare")
    runs.request_stop(started.id)
    ended(started.id)
    assert "fine-tuning the checkers takes a few minutes on a GPU" in texts(app("map", project=project.id))


def test_the_link_from_the_weights_page_trains_with_those_weights(demo):
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    test.query_params["project"], test.query_params["loss"] = demo.id, "tuned"
    test.run()
    test.switch_page("pages/train.py").run()
    assert next(box for box in test.selectbox if box.label == "Loss").value == "tuned"


def test_train_shows_runs_of_a_project_that_is_not_prepared(workspace):
    from synweight_core import storage
    from synweight_core.runs import folder

    project = projects.demo_project()
    path = folder("20261120-101112-000-x-0000")
    path.mkdir(parents=True)
    from dataclasses import asdict

    from synweight_core.train_config import TrainConfig

    fields = {"kind": "train", "project": project.id, "name": "CE", "created": 0, "settings": asdict(TrainConfig())}
    storage.write_json(path / "config.json", fields)
    test = app("train", project=project.id)
    assert not test.exception
    assert "Prepare map and weights" in [button.label for button in test.button]
    assert "CE · 11-20" in texts(test)


def test_a_file_that_is_not_utf_8_is_read_and_said_to_be(workspace):
    test = app("data")
    upload(test, "real", "real.csv", csv(GOOD_REAL.assign(text="déjà " + GOOD_REAL["text"])).decode().encode("cp1252"))
    assert "40 rows" in texts(test)
    assert "Windows-1252" in texts(test)


# --- the map


@pytest.mark.parametrize(
    "colour", ["quality", "relevance", "support", "duplicates", "group", "upload:planted", "run_loss"]
)
def test_map_opens_with_the_colour_of_a_link(demo, colour):
    test = app("map", project=demo.id, colour=colour)
    assert not test.exception
    assert test.selectbox(key=f"colour:{demo.id}").value == colour


def test_link_with_unknown_colour_or_selection_opens_the_map_as_it_was(demo):
    test = app("map", project=demo.id, colour="nonsense", selection="../../etc/passwd")
    assert not test.exception
    assert test.selectbox(key=f"colour:{demo.id}").value == "weight"


def test_link_opens_a_kept_selection(demo):
    slug = selections.save_selection(demo, "My rows", np.array([1, 5, 1300]), 1460)
    test = app("map", project=demo.id, selection=slug)
    assert "3 of 1,460 rows selected" in " ".join(one.value for one in test.markdown)


@pytest.mark.parametrize("view", ["{", "[]", '{"selected": 5, "open_row": true, "look": 3, "colour": []}'])
def test_damaged_view_does_not_keep_the_map_from_opening(demo, view):
    (demo.folder / "view.json").write_text(view)
    assert not app("map", project=demo.id).exception


def test_damaged_edits_are_told_and_end_the_page(demo):
    (demo.folder / "edits.jsonl").write_text(
        '{"kind": "exclude", "rows": "?", "value": null, "reason": "", "time": 1}\n'
    )
    test = app("map", project=demo.id)
    assert not test.exception
    assert "edits" in " ".join(one.value for one in test.error)


def test_excluded_rows_weigh_nothing_on_map_and_weights_page(demo):
    curation.exclude(demo, np.arange(100))
    selections_of_all = selections.save_selection(demo, "All", np.arange(1200), 1460)
    test = app("map", project=demo.id, selection=selections_of_all)
    assert "mean weight 0.92" in " ".join(one.value for one in test.markdown)
    weights = app("weights", project=demo.id)
    assert "100 excluded rows weigh 0" in " ".join(one.value for one in weights.caption)
