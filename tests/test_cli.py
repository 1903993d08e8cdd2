"""The commands, on a small project of the demo's rows that the commands themselves prepared."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import END_SECONDS, ended, until

from synweight_core import __version__, curation, project_settings, projects, runs
from synweight_core.cli import _found_line, main
from synweight_core.map_scores import load_map_scores
from synweight_core.presets import DEFAULT, settings_words
from synweight_core.projects import DEMO_FOLDER
from synweight_core.recipe import project_recipe, to_json
from synweight_core.weighting import WeightSettings

ROWS = {"synthetic": 80, "real": 60}
EXPORTED = {
    "weights.parquet", "weights.csv", "weights.jsonl", "weights_dataset", "atlas.parquet", "recipe.json",
    "train_sklearn.py", "train_transformers.py", "model.zip",
}  # fmt: skip


def synweight(*words):
    """The command in this process."""
    return CliRunner().invoke(main, [str(word) for word in words])


def process(*words, home, **options):
    """The command as a process of its own, which opens no browser."""
    environment = os.environ | {"SYNWEIGHT_HOME": str(home), "STREAMLIT_SERVER_HEADLESS": "true"}
    return subprocess.Popen(
        [sys.executable, "-m", "synweight_core", *map(str, words)], env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small synthetic and a small real file."""
    folder = tmp_path_factory.mktemp("files")
    for name, rows in ROWS.items():
        frame = pd.read_csv(DEMO_FOLDER / f"{name}.csv", dtype=str)
        frame.sample(rows, random_state=0).to_csv(folder / f"{name}.csv", index=False)
    return {name: folder / f"{name}.csv" for name in ROWS}


@pytest.fixture(scope="module")
def prepared(files, tmp_path_factory):
    """A workspace in which `synweight prepare` has run on these files, and what it printed."""
    home = tmp_path_factory.mktemp("prepared-by-cli")
    command = process(
        "prepare", "--synthetic", files["synthetic"], "--real", files["real"], "--name", "Shop", "--no-suggest",
        home=home,
    )  # fmt: skip
    printed, errors = command.communicate(timeout=END_SECONDS)
    assert command.returncode == 0, errors
    return home, printed


@pytest.fixture
def shop(prepared, workspace):
    """The prepared project, in this test's own copy of the workspace."""
    shutil.copytree(prepared[0], workspace)
    return projects.list_projects()[0]


@pytest.mark.parametrize("name", main.commands)
def test_every_command_has_help_that_says_what_it_does(name):
    answer = synweight(name, "--help")
    assert answer.exit_code == 0
    assert answer.output.startswith(f"Usage: main {name}")
    assert main.commands[name].help.strip().endswith(".")


def test_version_is_that_of_the_package():
    assert __version__ in synweight("--version").output


def test_prepare_from_files_shows_the_findings_and_each_step(prepared):
    _, printed = prepared
    assert "Only 48 real rows are there to judge by; weights will be rough." in printed
    for step in ("Reading the texts 100 %", "Finding neighbours", "Training the two checkers", "Drawing the map"):
        assert step in printed
    assert printed.strip().endswith("finished")


def test_prepare_of_a_prepared_project_is_ready_at_once(shop):
    answer = synweight("prepare", shop.id)
    assert answer.exit_code == 0
    assert answer.output.endswith("It is ready.\n")
    assert len(runs.list_runs()) == 1


def test_prepare_ends_with_the_weights_that_the_project_starts_with(shop, monkeypatch):
    monkeypatch.setattr("synweight_core.cli_projects.is_complete", lambda project: False)
    answer = synweight("prepare", shop.id)
    assert answer.exit_code == 0 and project_settings.suggested_settings(shop)
    assert answer.output.endswith(f"Weights: {settings_words(project_settings.first_settings(shop))}\n")


def test_prepare_without_files_says_what_is_needed(files):
    for words in ((), ("--synthetic", files["synthetic"])):
        answer = synweight("prepare", *words)
        assert answer.exit_code == 2
        assert "Give a project id, or both --synthetic and --real." in answer.output


def test_demo_without_waiting_starts_a_preparation_that_can_be_stopped(workspace):
    answer = synweight("demo", "--no-wait")
    assert answer.exit_code == 0
    assert f"Project demo-{projects.demo_project().id[-8:]} in {workspace}" in answer.output
    (run,) = runs.list_runs(kind="prepare")
    assert synweight("stop", run.id).exit_code == 0
    assert ended(run.id).status == "stopped"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b"\x00\x01\x02", "rows.csv looks like a binary file"),
        ("rows.csv", b"", "rows.csv is empty"),
        ("rows.csv", b"text,stars\nhello,5\n", "no column for the label was found. The file has: text, stars."),
        ("rows.pdf", b"%PDF", 'rows.pdf has the suffix ".pdf", which is not a known kind of table'),
    ],
)
def test_bad_file_ends_with_a_plain_message(tmp_path, files, name, content, message):
    (tmp_path / name).write_bytes(content)
    answer = synweight("prepare", "--synthetic", tmp_path / name, "--real", files["real"])
    assert answer.exit_code == 1
    assert answer.output.startswith("Error: ")
    assert message in answer.output
    assert not projects.list_projects()


@pytest.mark.parametrize("command", [("weigh", "nope"), ("edits", "nope"), ("train", "nope"), ("prepare", "nope")])
def test_unknown_project_is_one_plain_line_and_exit_code_1(command):
    answer = synweight(*command)
    assert answer.exit_code == 1
    assert answer.output == "Error: There is no project 'nope' here. Choose one from the list.\n"


@pytest.mark.parametrize("command", ["export", "stop"])
def test_unknown_run_is_one_plain_line_and_exit_code_1(command):
    answer = synweight(command, "nope")
    assert answer.exit_code == 1
    assert answer.output == "Error: There is no run 'nope' here. Choose one from the list.\n"


def test_a_real_process_ends_the_same_way_without_a_traceback(workspace):
    command = process("weigh", "../nope", home=workspace)
    printed, errors = command.communicate(timeout=60)
    assert command.returncode == 1
    assert printed == ""
    assert errors.startswith("Error: This id is not valid") and errors.count("\n") == 1


def test_weigh_and_train_refuse_a_project_that_is_not_prepared(workspace):
    project = projects.demo_project()
    for command in ("weigh", "train"):
        answer = synweight(command, project.id)
        assert answer.exit_code == 1
        assert f"is not prepared yet. Run 'synweight prepare {project.id}'" in answer.output


READERS = [
    (".parquet", pd.read_parquet),
    (".csv", pd.read_csv),
    (".jsonl", partial(pd.read_json, lines=True)),
]


@pytest.mark.parametrize(("suffix", "read"), READERS)
def test_weigh_says_the_effective_sample_size_and_writes_the_rows(shop, tmp_path, suffix, read):
    out = tmp_path / f"weights{suffix}"
    answer = synweight("weigh", shop.id, "--alpha", 2, "--max-weight", 4, "--out", out)
    assert answer.exit_code == 0
    found = re.match(r"80 rows, effective sample size (\d+); half of the weight sits on (\d+) rows", answer.output)
    assert 1 <= int(found[2]) <= int(found[1]) <= 80
    assert f"({settings_words(replace(DEFAULT, alpha=2, max_weight=4))})" in answer.output
    rows = read(out)
    assert len(rows) == 80
    assert rows["weight"].mean() == pytest.approx(1)
    assert rows["weight"].max() <= 4
    assert rows["quality"].between(0, 1).all()


def test_weigh_keeps_the_settings_for_the_next_command(shop):
    synweight("weigh", shop.id, "--alpha", 1.5)
    answer = synweight("weigh", shop.id, "--beta", 0.25)
    assert f"({settings_words(replace(DEFAULT, alpha=1.5, beta=0.25))})" in answer.output
    assert project_settings.load_settings(shop).alpha == 1.5


def test_weigh_takes_every_term_and_says_it(shop, tmp_path):
    out = tmp_path / "weights.csv"
    terms = ("--relevance", 0.3, "--temperature", 2, "--balance", "uniform", "--drop-share", 0.25, "--real-mass", 0.2,
             "--soft-share", 0.75)  # fmt: skip
    answer = synweight("weigh", shop.id, *terms, "--out", out)
    words = (
        "alpha 1, relevance 0.3, temperature 2, balance all classes alike, soft targets 75 %, drop 25 %, real mass 20 %"
    )
    assert f"({words}, weights 0 to 10)" in answer.output
    expected = WeightSettings(
        relevance=0.3, temperature=2, balance="uniform", drop_share=0.25, real_mass=0.2, soft_share=0.75
    )
    assert project_settings.load_settings(shop) == expected
    assert (pd.read_csv(out)["weight"] == 0).sum() == 20


@pytest.mark.parametrize(
    ("option", "value", "code", "message"),
    [
        ("--drop-share", 1, 1, "drop_share is 1.0; expected 0 to 0.95."),
        ("--temperature", 0, 1, "temperature is 0.0; expected 0.05 to 20."),
        ("--soft-share", 1.5, 1, "soft_share is 1.5; expected 0 to 1."),
        ("--relevance", "nan", 1, "relevance nan must be finite"),
        ("--balance", "half", 2, "'half' is not one of 'none', 'real', 'uniform'"),
    ],
)
def test_weigh_refuses_a_term_beyond_its_range_and_keeps_the_settings(shop, option, value, code, message):
    answer = synweight("weigh", shop.id, option, value)
    assert answer.exit_code == code
    assert message in answer.output
    assert project_settings.load_settings(shop) == DEFAULT


def test_edits_are_listed_and_weigh(shop, tmp_path):
    assert synweight("edits", shop.id).output == ""
    curation.exclude(shop, np.arange(10), reason="off topic\x1b[2J\nsecond line")
    curation.set_factor(shop, np.array([20]), factor=0.5)
    curation.undo(shop)
    first, second, third = synweight("edits", shop.id).output.splitlines()
    pattern = r"   1  \d{4}-\d\d-\d\d \d\d:\d\d  excluded +10 rows  in force  off topic \[2J second line"
    assert re.fullmatch(pattern, first)
    assert "factor 0.5" in second and "in force" not in second and third.endswith("undo")
    out = tmp_path / "weights.csv"
    assert synweight("weigh", shop.id, "--out", out).exit_code == 0
    rows = pd.read_csv(out, keep_default_na=False)
    assert rows["edit"].tolist() == ["excluded"] * 10 + [""] * 70
    assert (rows["weight"][:10] == 0).all() and rows["weight"][10:].mean() == pytest.approx(1)


def test_find_prints_position_label_source_and_text(shop):
    text = projects.load_dataset(shop).synthetic["text"]
    answer = synweight("find", shop.id, text[7].upper())
    assert answer.exit_code == 0
    lines = [line for line in answer.output.splitlines() if line.split()[0] == "7"]
    assert len(lines) == 1 and " synthetic " in lines[0] and text[7][:20] in lines[0]
    assert max(map(len, answer.output.splitlines())) <= 80


def test_find_by_pattern_and_by_meaning(shop):
    text = projects.load_dataset(shop).synthetic["text"]
    by_pattern = synweight("find", shop.id, f"^{re.escape(text[7][:30])}", "--regex")
    assert by_pattern.exit_code == 0 and by_pattern.stdout.split()[0] == "7"
    by_meaning = synweight("find", shop.id, text[7], "--similar", "--limit", 3)
    assert by_meaning.exit_code == 0
    assert by_meaning.stdout.split()[0] == "7" and by_meaning.stdout.count("\n") == 3
    assert by_meaning.stderr == "47 more rows; --limit shows them.\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("no such words",), 0, "No rows.\n"),
        (("(", "--regex"), 1, "Error: This is no regular expression: "),
        (("x" * 1001,), 1, "Error: The search has 1,001 characters"),
        (("a", "--regex", "--similar"), 2, "Give --regex or --similar, not both."),
    ],
)
def test_find_says_plainly_what_it_could_not_do(shop, words, code, message):
    answer = synweight("find", shop.id, *words)
    assert answer.exit_code == code
    assert message in answer.stderr and answer.stdout == ""


def test_find_by_meaning_needs_a_prepared_project(workspace):
    answer = synweight("find", projects.demo_project().id, "a", "--similar")
    assert answer.exit_code == 1 and "is not prepared yet" in answer.output


def test_found_rows_cannot_command_the_terminal():
    row = {"label": "a\x1b[2Jb\n", "source": "real", "text": "x\r\u202e\x07y" + "z" * 1_000_000}
    line = _found_line(3, row)
    assert line.isprintable() and len(line) <= 80
    assert line.split()[:2] == ["3", "a"] and " x   yzz" in line


def test_caps_that_cannot_hold_the_mean_are_refused_and_nothing_is_kept(shop):
    answer = synweight("weigh", shop.id, "--max-weight", 0.5)
    assert answer.exit_code == 1
    assert "expected 0 <= min_weight <= 1 <= max_weight" in answer.output
    assert project_settings.load_settings(shop).max_weight == 10


def test_training_values_out_of_range_start_nothing(shop):
    answer = synweight("train", shop.id, "--epochs", 0)
    assert answer.exit_code == 1
    assert answer.output == "Error: epochs is 0; expected 1 to 1,000.\n"
    assert not runs.list_runs(kind="train")


def test_train_without_waiting_is_listed_and_can_be_stopped(shop):
    synweight("weigh", shop.id, "--max-weight", 5)
    answer = synweight("train", shop.id, "--loss", "imp", "--epochs", 1000, "--seed", 7, "--seeds", 2, "--no-wait")
    assert answer.exit_code == 0
    started = answer.output.split()
    assert {run.id for run in runs.list_runs(project_id=shop.id, kind="train")} == set(started)
    assert [runs.load_run(run_id).name for run_id in started] == ["IMP, seed 7", "IMP, seed 8"]
    settings = runs.load_run(started[0]).settings
    assert (settings["loss"], settings["epochs"], settings["max_weight"]) == ("imp", 1000, 5)
    listed = [json.loads(line) for line in synweight("runs", shop.id, "--json").output.splitlines()]
    assert [run["id"] for run in listed] == started[::-1]
    for run_id in started:
        assert synweight("stop", run_id).exit_code == 0
    assert {ended(run_id).status for run_id in started} == {"stopped"}
    answer = synweight("export", started[0])
    assert answer.exit_code == 1
    assert answer.output == "Error: This run kept no model: it ended before its first step.\n"


def test_finished_run_is_listed_with_its_figure_and_exported_in_every_form(shop, tmp_path):
    trained = synweight("train", shop.id, "--loss", "quality", "--epochs", 1)
    assert trained.exit_code == 0, trained.output
    run_id = trained.output.split()[0]
    assert runs.load_run(run_id).settings["edits"] == 0
    figure = re.search(r"finished, test accuracy (\d+\.\d %)$", trained.output.strip())[1]
    assert "epoch 1.0: validation accuracy" in trained.output
    assert f"{run_id}  finished  {figure.replace(' %', '')} % test accuracy" in synweight("runs").output
    (listed,) = map(json.loads, synweight("runs", "--json").output.splitlines())
    assert (listed["id"], listed["status"]) == (run_id, "finished")

    scored = synweight("score", run_id)
    assert scored.exit_code == 0, scored.output
    assert "Scoring the rows 100 %" in scored.output
    assert scored.output.strip().endswith("finished")
    assert load_map_scores(runs.load_run(run_id)).shape[0] == 80 + 48
    assert synweight("score", run_id).output == "It is scored.\n"

    answer = synweight("export", run_id, "--to", tmp_path / "out")
    assert answer.exit_code == 0
    written = {line.split("/")[-1] for line in answer.output.splitlines()}
    assert {path.name for path in (tmp_path / "out").iterdir()} == written == EXPORTED
    rows = pd.read_parquet(tmp_path / "out" / "weights.parquet")
    assert rows["weight"].mean() == pytest.approx(1)
    assert len(pd.read_csv(tmp_path / "out" / "weights.csv")) == len(rows) == 80
    names = set(zipfile.ZipFile(tmp_path / "out" / "model.zip").namelist())
    assert {"config.json", "model.safetensors", "README.md"} <= names
    assert synweight("export", run_id, "--to", tmp_path / "out").exit_code == 0

    recipe = tmp_path / "out" / "recipe.json"
    assert synweight("reproduce", recipe).output == "80 weights, identical to the last bit.\n"
    from_file = synweight("reproduce", recipe, "--weights", tmp_path / "out" / "weights.parquet")
    assert from_file.output.startswith("80 weights, ")


def test_reproduce_from_the_texts_tells_the_rank_correlation(shop, files, tmp_path):
    recipe = tmp_path / "recipe.json"
    recipe.write_text(to_json(project_recipe(shop, WeightSettings(beta=0.5))), encoding="utf-8")
    from_texts = synweight("reproduce", recipe, "--synthetic", files["synthetic"], "--real", files["real"])
    assert from_texts.exit_code == 0, from_texts.output
    assert "Training the two checkers" in from_texts.output
    rank = re.search(r"rank correlation (\d\.\d+)|identical to the last bit", from_texts.output)
    assert float(rank[1] or 1) > 0.99
    refused = synweight("reproduce", recipe, "--synthetic", files["real"], "--real", files["real"])
    assert refused.exit_code == 1
    assert refused.output.splitlines()[-1].startswith("Error: The synthetic rows in real.csv changed since the recipe")


def test_reproduce_says_what_is_needed(tmp_path):
    (tmp_path / "recipe.json").write_text('{"format": "synweight-recipe", "ver')
    cut = synweight("reproduce", tmp_path / "recipe.json")
    assert cut.exit_code == 1
    assert cut.output.startswith("Error: The recipe is cut off or is not JSON.") and cut.output.count("\n") == 1
    half = synweight("reproduce", tmp_path / "recipe.json", "--real", tmp_path / "recipe.json")
    assert half.exit_code == 2
    assert "Give both --synthetic and --real, or --weights, or none of them." in half.output


def test_interrupt_asks_the_run_that_is_followed_to_stop(workspace):
    command = process("demo", home=workspace)
    (run,) = until(lambda: runs.list_runs(kind="prepare"))
    until(lambda: runs.load_run(run.id).status == "running")
    command.send_signal(signal.SIGINT)
    printed, _ = command.communicate(timeout=60)
    assert "Stopping." in printed
    assert ended(run.id).status == "stopped"


def test_app_opens_on_the_address_that_was_asked_for(workspace):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = process("app", "--port", port, home=workspace)
    try:
        until(lambda: _listens(port))
    finally:
        command.terminate()
        command.communicate(timeout=20)


def _listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
