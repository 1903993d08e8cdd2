"""The live page, the queue, the trash and the playback as pages show them; their runs are made by hand."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from conftest import ended
from made_runs import end, held, made_run
from test_pages import app, texts
from waiting import device_taken, waiting_run

from pages.widgets import charts
from synweight_core import device, runs, trash
from synweight_core.epoch_weights import add_epoch
from synweight_core.errors import RunError
from synweight_core.losses import LOSSES


def press(test, label, *, at=0):
    return [button for button in test.button if button.label == label][at].click().run()


def field(test, label):
    return next(each for each in [*test.selectbox, *test.number_input, *test.text_input] if each.label == label)


def queue_order(test):
    return [line.split("\\.")[1].split("·")[0].strip() for line in map(_value, test.markdown) if "\\. run" in line]


def _value(element):
    return element.value


@pytest.fixture
def waiting(demo):
    """Three processes that wait for a device that is taken, and end when the test does."""
    with device_taken():
        started = [waiting_run(number, project=demo.id) for number in range(3)]
        yield [run_id for run_id, _ in started]
        for run_id, _ in started:
            runs.request_stop(run_id)
        for _, process in started:
            process.wait(20)


def test_queue_is_shown_reordered_and_the_same_after_a_reload(demo, waiting):
    test = app("train", project=demo.id)
    assert not test.exception
    assert queue_order(test) == ["run 0", "run 1", "run 2"]
    press(test, "Top", at=-1)
    assert queue_order(test) == ["run 2", "run 0", "run 1"]
    press(test, "Down")
    assert queue_order(app("train", project=demo.id)) == ["run 0", "run 2", "run 1"]
    assert [run.name for run in device.waiting()] == ["run 0", "run 2", "run 1"]


def test_first_in_the_queue_cannot_go_up_nor_the_last_one_down(demo, waiting):
    test = app("train", project=demo.id)
    disabled = {label: [b.disabled for b in test.button if b.label == label] for label in ("Top", "Up", "Down")}
    assert disabled == {"Top": [True, False, False], "Up": [True, False, False], "Down": [False, False, True]}


def test_a_run_that_began_meanwhile_is_not_moved_and_that_is_said(demo, waiting, monkeypatch):
    test = app("train", project=demo.id)
    monkeypatch.setattr(device, "waiting", lambda: [])
    press(test, "Top", at=-1)
    assert not test.exception and test.toast[0].value == "This run no longer waits."


def test_removed_run_leaves_the_queue_and_is_stopped(demo, waiting):
    press(app("train", project=demo.id), "Remove", at=0)
    assert runs.stop_requested(runs.folder(waiting[0]))
    assert ended(waiting[0]).status == "stopped"
    assert queue_order(app("train", project=demo.id)) == ["run 1", "run 2"]


@pytest.mark.parametrize(("stopped", "resumes"), [(True, True), (False, False)])
def test_run_that_has_not_finished_can_be_resumed(demo, monkeypatch, stopped, resumes):
    run_id, asked = made_run(demo, steps=5), []
    end(run_id, stopped=stopped)
    monkeypatch.setattr(runs, "resume", asked.append)
    test = app("train", project=demo.id)
    assert ("Resume" in [button.label for button in test.button]) == resumes
    if resumes:
        press(test, "Resume")
    assert asked == [run_id] * resumes


def test_run_that_goes_on_already_says_so(demo, monkeypatch):
    end(made_run(demo, steps=5), stopped=True)
    test = app("train", project=demo.id)

    def refuse(run_id):
        raise RunError("It is active already.")

    monkeypatch.setattr(runs, "resume", refuse)
    press(test, "Resume")
    assert not test.exception and test.toast[0].value == r"It is active already\."


def test_active_run_shows_what_it_measures_its_doubts_and_no_test_figure(demo):
    run_id = made_run(demo, steps=5, loss="dimp")
    with held(run_id):
        test = app("train", project=demo.id)
    said = texts(test)
    assert "training loss 0.200 · learning rate 0.001 · 84 rows/s · effective sample size 500 of 1,200 rows" in said
    assert "device memory 1.5 GB · device 80 % busy" in said
    assert "Doubtful weights. Only <b>7</b> texts differ." in said
    assert "Batches go in *parts*." in said
    assert "test accuracy" not in said
    assert "DIMP (alpha 1, beta 1, weights 0 to 10), 5 epochs, batch 32" in said


def test_ended_run_shows_its_test_figure_and_what_it_took(demo):
    end(made_run(demo, steps=10))
    said = texts(app("train", project=demo.id))
    assert "finished · validation accuracy 75.0 % · test accuracy 75.0 %" in said
    assert "took 3 min 20 s · 10 steps" in said


def test_run_without_a_step_is_waited_for(demo):
    with held(made_run(demo)):
        said = texts(app("train", project=demo.id))
    assert "starting" in said and "Training loss: nothing was reported yet." in said


def test_watched_runs_are_in_the_address_and_survive_a_reload(demo):
    ids = [made_run(demo, number=number, steps=2, seed=number) for number in range(3)]
    test = app("train", project=demo.id)
    assert test.multiselect[0].value == [ids[2]]
    test.multiselect[0].set_value([ids[0], ids[1]]).run()
    assert test.query_params["watch"] in (f"{ids[0]},{ids[1]}", [f"{ids[0]},{ids[1]}"])
    again = app("train", project=demo.id, watch=f"{ids[0]},{ids[1]},../etc,nothing")
    assert not again.exception and again.multiselect[0].value == [ids[0], ids[1]]


@pytest.mark.parametrize("curve", ["learning_rate", "effective_sample_size", "rows_per_second", "memory_bytes"])
def test_every_curve_of_the_training_has_its_chart(demo, curve):
    made_run(demo, steps=4)
    test = app("train", project=demo.id)
    test.selectbox(key=f"curve:{demo.id}").set_value(curve).run()
    assert not test.exception and "nothing was reported" not in texts(test)


def test_smoothing_is_said_on_the_chart_and_what_was_measured_stays():
    line = np.arange(4.0), np.array([0.0, 1, 0, 1])
    drawn = charts.lines({"<b>a": line}, "Training loss", x="Epoch", y="nats", x_end=4, smooth_over=5)
    assert drawn.layout.title.text == "Training loss<br><sup>smoothed over about 5 points</sup>"
    pale, smooth = drawn.data
    assert pale.y.tolist() == [0, 1, 0, 1] and pale.opacity < 0.5 and not pale.showlegend
    assert 0 < smooth.y[-1] < 1 and smooth.name == "&lt;b&gt;a"
    plain = charts.lines({"a": line}, "Training loss", x="Epoch", y="nats", x_end=4)
    assert plain.layout.title.text == "Training loss" and len(plain.data) == 1


def test_a_line_of_a_million_steps_is_drawn_with_500_points():
    line = np.arange(1e6), np.random.default_rng(0).random(1_000_000)
    drawn = charts.lines({"a": line}, "Training loss", x="Epoch", y="nats", x_end=1e6)
    assert 400 < len(drawn.data[0].x) <= 500 and drawn.data[0].x[-1] == 999_999


def test_form_takes_the_settings_of_a_run_and_starts_just_these(demo, monkeypatch):
    settings = {"loss": "tuned", "alpha": 0.5, "beta": 0.25, "max_weight": 4.0, "epochs": 2, "seed": 7}
    like = made_run(demo, learning_rate=0.002, batch_size=8, edits=3, device="cpu", **settings)
    end(like)
    made_run(demo)  # the newest, whose settings the form has otherwise
    started = []
    monkeypatch.setattr("synweight_core.launch.start_training", lambda project, config: started.append(config))
    test = app("train", project=demo.id, like=like)
    assert field(test, "Loss").value == "tuned" and field(test, "Learning rate").value == 0.002
    assert "alpha 0.5, beta 0.25, weights 0 to 4; 3 edits" in texts(test)
    press(test, "Start training")
    assert [asdict(config) for config in started] == [runs.load_run(like).settings]
    assert "like" not in test.query_params


def test_one_click_starts_as_many_paired_runs_as_there_are_seeds(demo, monkeypatch):
    started = []
    monkeypatch.setattr("synweight_core.launch.start_training", lambda project, config: started.append(config))
    test = app("train", project=demo.id)
    field(test, "Loss").set_value("placebo_within")
    field(test, "First seed").set_value(4)
    field(test, "Seeds").set_value(3)
    press(test, "Start training")
    assert [(config.loss, config.seed) for config in started] == [("placebo_within", seed) for seed in (4, 5, 6)]
    assert len({replace(config, seed=0) for config in started}) == 1


def test_settings_of_a_run_replace_what_was_typed_into_the_form(demo):
    end(like := made_run(demo, epochs=5))
    test = app("train", project=demo.id)
    field(test, "Epochs").set_value(9)
    press(test, "Use these settings")
    assert field(test, "Epochs").value == 5
    assert test.query_params["like"] in (like, [like])
    press(test, "Use the weights of now")
    assert "like" not in test.query_params


@pytest.mark.parametrize("like", ["../../etc", "nothing", "20261120-101112-009-x-0000"])
def test_a_link_to_settings_that_are_not_here_leaves_the_usual_form(demo, like):
    end(made_run(demo, epochs=3))
    test = app("train", project=demo.id, like=like)
    assert not test.exception and field(test, "Epochs").value == 3
    assert "cannot be repeated here" in test.toast[0].value


def test_form_names_every_loss_and_says_which_are_for_comparison(demo):
    test = app("train", project=demo.id)
    said = texts(test)
    for loss in LOSSES.values():
        assert f"**{loss.label}**{' (for comparison only)' if loss.is_placebo else ''}: {loss.help}" in said


def test_deleted_run_is_gone_restored_and_removed_for_good(demo):
    end(run_id := made_run(demo, steps=4))
    press(app("runs", project=demo.id), "Delete")
    assert runs.list_runs(kind="train") == []
    test = app("runs", project=demo.id)
    assert "No run yet" in texts(test)
    press(test, "Restore")
    assert [run.id for run in runs.list_runs(kind="train")] == [run_id]
    press(app("runs", project=demo.id), "Delete")
    test = app("runs", project=demo.id)
    next(button for button in test.button if button.label.startswith("Empty the trash for good (")).click().run()
    assert not test.exception and trash.deleted_runs() == [] and runs.list_runs(kind="train") == []


def test_active_run_cannot_be_deleted_from_the_page(demo):
    with held(made_run(demo, steps=2)):
        test = app("runs", project=demo.id)
        (button,) = [button for button in test.button if button.label == "Delete"]
        assert button.disabled and button.help == r"Stop first\: CE, seed 0\."


def test_map_plays_back_the_weights_of_each_epoch(demo):
    run_id = made_run(demo, loss="dimp", epochs=3)
    for weights in (np.ones(1200), np.repeat([2.0, 0.0], 600)):
        add_epoch(runs.folder(run_id), weights)
    test = app("map", project=demo.id, colour="epoch_weight")
    assert not test.exception
    slider = test.slider(key=f"epoch:{run_id}")
    assert (slider.value, slider.max) == (2, 3)
    assert "Effective sample size in this epoch: 600." in texts(test)
    slider.set_value(1).run()
    assert "Effective sample size in this epoch: 1,200." in texts(test)
    test.slider(key=f"epoch:{run_id}").set_value(3).run()
    assert "The run has not come so far: this is epoch 2." in texts(test)


def test_map_without_epochs_says_which_losses_have_them(demo):
    made_run(demo)
    said = texts(app("map", project=demo.id, colour="epoch_weight"))
    assert "Train with Focal, DIMP, DIMP, averaged." in said


def test_epoch_of_other_rows_is_refused(demo):
    add_epoch(runs.folder(made_run(demo, loss="dimp")), np.ones(7))
    test = app("map", project=demo.id, colour="epoch_weight")
    assert not test.exception and "damaged, or belong to other rows" in texts(test)
