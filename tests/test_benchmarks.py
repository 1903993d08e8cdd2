"""Benchmarks: what they share, and the one line that `--quick` ends with."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, until

COMMIT = r"[0-9a-f]{10,40}(-dirty)?|uncommitted"


@pytest.fixture
def measuring(benchmark):
    return benchmark("measuring")


@pytest.fixture
def checkout(tmp_path):
    """A repository with one commit."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (tmp_path / "code.py").write_text("1")
    for words in (["init", "-q"], ["add", "code.py"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    return tmp_path


def test_commit_says_when_code_differs_but_not_when_results_do(measuring, checkout):
    results = checkout / "benchmarks" / "results"
    results.mkdir(parents=True)
    (results / "x.json").write_text("{}")
    clean = measuring.commit(checkout)
    assert re.fullmatch(r"[0-9a-f]{10,40}", clean)
    (checkout / "code.py").write_text("2")
    assert measuring.commit(checkout) == f"{clean}-dirty"
    assert re.fullmatch(COMMIT, measuring.commit())


def test_commit_outside_a_repository_is_uncommitted(measuring, tmp_path):
    assert measuring.commit(tmp_path / "nothing") == "uncommitted"


def test_command_line_has_no_absolute_path(measuring):
    words = [str(ROOT / "benchmarks" / "journey.py"), "--quick", f"--data={ROOT.parent / 'x' / 'data'}"]
    assert measuring.command_line(words) == "python benchmarks/journey.py --quick --data=../x/data"


def test_results_keep_other_parts_and_their_stamps(measuring, tmp_path):
    first, second = ({**measuring.stamp(), "date": date} for date in ("2026-01-01", "2026-01-02"))
    for part, stamped in (("a", first), ("b", second)):
        measuring.save_part(tmp_path, "x", part, {"accuracy": 91.5}, stamped=stamped, render=lambda p: str([*p]))
    parts = measuring.load_parts(tmp_path, "x")
    assert parts == {"a": first | {"values": {"accuracy": 91.5}}, "b": second | {"values": {"accuracy": 91.5}}}
    assert (tmp_path / "x.md").read_text() == "['a', 'b']"
    assert measuring.origin(parts["a"]).startswith("2026-01-01, commit ")


def test_stages_are_measured_again_unless_resumed(measuring, tmp_path):
    first = measuring.Stages(tmp_path, "x", "a")
    first.measure("one", lambda: {"seconds": 1})
    resumed = measuring.Stages(tmp_path, "x", "a", resume=True)
    assert resumed.workspace == first.workspace
    assert resumed.measure("one", lambda: {"seconds": 2}) == {"seconds": 1}
    resumed.close()
    assert not resumed.path.exists() and not resumed.workspace.exists()
    again = measuring.Stages(tmp_path, "x", "a", resume=True)
    assert again.measure("one", lambda: {"seconds": 2}) == {"seconds": 2}
    again.close()


def test_memory_of_a_grandchild_in_another_session_counts(measuring):
    hungry = "import time; block = bytearray(b'x' * 200_000_000); time.sleep(0.6)"
    parent = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {hungry!r}], start_new_session=True).wait()"
    )
    measured = measuring.run([sys.executable, "-c", parent])
    assert 200 <= measured.peak_memory_mb < 1000
    assert measured.seconds >= 0.6


def test_failed_command_tells_its_error_output(measuring):
    with pytest.raises(RuntimeError, match=r"failed \(3\): why"):
        measuring.run([sys.executable, "-c", "import sys; print('why', file=sys.stderr); sys.exit(3)"])


def test_command_over_its_time_is_ended_with_its_descendants(measuring, tmp_path):
    child = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    parent = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True).wait()"
    )
    with pytest.raises(TimeoutError, match="was ended after 2 s"):
        measuring.run([sys.executable, "-c", parent], max_seconds=2)
    until(lambda: not is_running(int((tmp_path / "pid").read_text())), seconds=10)


def test_killed_benchmark_takes_its_processes_along(tmp_path):
    child = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    program = f"import measuring, sys; measuring.leave_on_sigterm(); measuring.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": str(ROOT / "benchmarks")}
    )
    pid = int(until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    process.terminate()
    assert process.wait(20) == 143
    assert not is_running(pid)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_table_rounds_floats_to_two_places(measuring):
    assert measuring.table(["a", "b"], [["x", 1234.567]]) == "| a | b |\n| --- | --- |\n| x | 1,234.57 |"


def test_stages_of_a_preparation_last_until_the_next_begins(benchmark):
    benchmark("measuring")
    events = [
        {"event": "stage", "stage": name, "time": time} for name, time in (("vectors", 5), ("vectors", 6), ("map", 9))
    ]
    seconds = benchmark("journey").stage_seconds(events, asked=1, created=2, ended=10)
    assert seconds == {"files": 1, "worker start": 3, "vectors": 4, "map": 1}


def test_difference_to_ce_is_paired_by_seed_and_in_points(benchmark):
    benchmark("measuring")
    cost = {"macro_f1": 50.0, "seconds": 3.0, "train_seconds": 2.0, "peak_memory_mb": 900.0, "device": "cpu"}
    cost["precision"] = "bf16"
    ce, dimp = ([cost | {"accuracy": value} for value in values] for values in ((80.0, 90.0), (83.0, 91.0)))
    found = benchmark("journey").summary(dimp, ce)
    assert found["per_seed"] == [83.0, 91.0]
    assert found["minus_ce"] == {"mean": 2.0, "min": 1.0, "max": 3.0, "per_seed": [3.0, 1.0]}


def test_preparation_sample_has_all_real_rows_and_is_the_same_each_time(benchmark, tmp_path):
    for name in ("measuring", "journey"):
        benchmark(name)
    for path, word, n in (("dirty_pool/synthetic.jsonl", "pool", 9), ("tweet_sentiment/real_train.jsonl", "real", 2)):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text("".join(json.dumps({"text": f"{word} {i}"}) + "\n" for i in range(n)))
    preparation = benchmark("preparation")
    texts = preparation.sample_texts(tmp_path, 6)
    assert texts[-2:] == ["real 0", "real 1"]
    assert len({text for text in texts if text.startswith("pool")}) == 4
    assert preparation.sample_texts(tmp_path, 6) == texts


def test_quick_preparation_reads_its_figures_from_the_results(benchmark, tmp_path):
    measuring = benchmark("measuring")
    benchmark("journey")
    preparation = benchmark("preparation")
    assert json.loads(preparation.quick(tmp_path))["speedup_over_defaults"] is None
    values = {"speedup_over_defaults": 2.6, "trustworthiness_minus_defaults": 0.001}
    measuring.save_part(
        tmp_path, "preparation", "sample", values, stamped=measuring.stamp(), render=lambda parts: ""
    )  # fmt: skip
    found = json.loads(preparation.quick(tmp_path))
    assert found["speedup_over_defaults"] == 2.6
    assert found["missing"] == ["same_coordinates", "whole_seconds"]


def test_speedups_are_medians_of_ratios_within_rounds(benchmark):
    benchmark("measuring")
    training = benchmark("training")
    seconds = {
        "paper": (10.0, 30.0, 20.0),
        "ours": (2.0, 10.0, 4.0),
        "trainer": (3.0, 15.0, 6.0),
        "scoring": (5.0,) * 3,
    }

    def rounds(way):
        return [{"seconds": one, "processor_seconds": 2 * one} for one in seconds[way]]

    ways = {f"{way} {loss}": rounds(way) for way in ("paper", "ours") for loss in ("ce", "imp", "dimp")}
    found = training.ratios(ways | {"trainer ce": rounds("trainer"), "ours scoring": rounds("scoring")})
    assert found["imp_speedup"] == found["imp_speedup_processor"] == 5.0  # of 5, 3 and 5
    assert found["imp_over_ce"] == 1.0 and found["ce_over_trainer"] == 1.5
    assert found["dimp_speedup_with_scoring"] == pytest.approx(3.333, abs=0.001)  # 10/3, 30/11, 20/5
    assert training.rows_per_second(ways)["ours ce"] == 256 / 4.0


def test_quick_training_reads_its_figures_from_the_results(benchmark, tmp_path):
    benchmark("measuring")
    found = json.loads(benchmark("training").quick(tmp_path))
    assert found["missing"] == ["imp_speedup", "dimp_speedup", "imp_over_ce", "dimp_over_ce"]


def test_made_up_project_of_the_map_benchmark_is_one_that_pages_can_read(benchmark):
    from synweight_core.map_rows import map_rows
    from synweight_core.prepare import load_positions, need_prepared
    from synweight_core.projects import load_dataset

    for name in ("measuring", "browser"):
        benchmark(name)
    project = benchmark("map").grown_project(500)
    prepared = need_prepared(project)
    rows = map_rows(load_dataset(project), prepared)
    assert prepared.n_synthetic == 500
    assert len(rows) == len(load_positions(project)) == len(prepared.xy) == 500 + 240


@pytest.mark.long
def test_quick_journey_says_what_is_measured_and_what_is_read(tmp_path):
    command = [sys.executable, "benchmarks/journey.py", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ.copy(), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["torch_free_pages"] is True
    assert "torch_free_pages" in found["measured"]
    assert {"demo_ce_accuracy", "demo_weighted_accuracy"} <= {*found["from_results"]} & {*found["missing"]}
    assert found["demo_ce_accuracy"] is None and found["results"] == {}
    for key in ("first_paint_s", "map_drawn_s", "demo_mislabelled_auc"):
        measured = key in found["measured"]
        assert measured != (key in found["from_results"])
        assert isinstance(found[key], float) if measured else found[key] is None
    assert re.fullmatch(COMMIT, found["commit"])
    assert found["command"].startswith("python benchmarks/journey.py --quick")


@pytest.fixture
def lab(benchmark):
    for name in ("measuring", "browser", "journey"):
        benchmark(name)
    return benchmark("lab")


def test_ranking_uses_a_sample_that_is_the_same_each_time(lab, tmp_path):
    rows = {"synthetic": 3_000, "real_train": 20, "real_test": 2_000}
    for name, n in rows.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"text": f"row {i}"}) + "\n" for i in range(n)))
    for folder in ("one", "other"):
        lab.small(tmp_path, tmp_path / folder)
    for name, n in {"synthetic": lab.RANKED_ROWS, "real_train": 20, "real_test": lab.RANKED_TEST}.items():
        one, other = ((tmp_path / folder / f"{name}.jsonl").read_text() for folder in ("one", "other"))
        assert one == other and one.count("\n") == n


def test_rank_correlation_of_settings(lab):
    assert lab.spearman([1, 2, 3, 4], [10, 20, 30, 40]) == 1
    assert lab.spearman([1, 2, 3, 4], [10, 20, 40, 30]) == 0.8
    assert lab.spearman([1, 1, 1], [1, 2, 3]) == 0


def test_placebo_has_the_weights_of_alpha_1_on_other_rows(lab, demo):
    from synweight_core.curated import curated_weights
    from synweight_core.prepare import need_prepared

    prepared = need_prepared(demo)
    real, placebo = (
        curated_weights(prepared, lab.SETTINGS[name], lab._curation(demo, name)) for name in ("alpha 1", "shuffled")
    )
    assert abs(np.corrcoef(real, placebo)[0, 1]) < 0.1
    np.testing.assert_allclose(np.sort(placebo)[100:], np.sort(real)[100:], rtol=0.02)


def test_warm_refit_is_as_good_as_scikit_learn(lab, monkeypatch):
    monkeypatch.setattr(lab, "REFIT_ROWS", 4_000)
    found = lab.time_refit()
    assert abs(found["accuracy_minus_sklearn"]) <= 0.5
    assert found["accuracy"] > 50


def test_forecasts_and_outcomes_are_ranked_together(lab):
    forecasts = {name: {setting: float(i) for i, setting in enumerate(lab.SETTINGS)} for name in lab.SETS}
    up = {setting: [float(i), float(i) + 1] for i, setting in enumerate(lab.SETTINGS)}
    down = {setting: [-float(i), float(i)] for i, setting in enumerate(lab.SETTINGS)}
    parts = {"forecasts": {"values": forecasts}, "outcomes-sst2": {"values": up}, "outcomes-mrpc": {"values": down}}
    found = lab.ranked_sets(parts)
    assert [found[name]["spearman"] for name in ("sst2", "mrpc")] == [1, 0]
    assert [found[name]["ceiling"] for name in ("sst2", "mrpc")] == [1, -1]
    assert lab.mean_over_sets(parts, "spearman") is None
    parts |= {f"outcomes-{name}": {"values": up} for name in lab.SETS}
    assert lab.mean_over_sets(parts, "spearman") == 1


# --- findings


def test_precision_and_recall_leave_out_what_counts_neither_way(benchmark):
    found, truth, left_out = (np.array(mask, dtype=bool) for mask in ([1, 1, 0, 1], [1, 0, 1, 0], [0, 0, 0, 1]))
    figures = benchmark("intake_findings").figures
    assert figures(found, truth, left_out=left_out) == {"flawed": 2, "found": 2, "precision": 0.5, "recall": 0.5}
    assert figures(np.zeros(4, dtype=bool), truth)["precision"] is None


def test_each_constructed_defect_is_found_in_the_demo(benchmark):
    module = benchmark("intake_findings")
    rows = module._demo_texts()
    for title in ("slots", "several items", "chat template", "list marks"):
        assert module._planted(rows, *module._PLANTS[title])["recall"] == 1, title
