"""Claims about fine-tuned checkers: who sees what, when training ends, and what a project does with them."""

import numpy as np
import pytest
from click.testing import CliRunner

from synweight_core import finetuned, prepare, projects
from synweight_core.calibration import of_label
from synweight_core.checker_columns import checker_columns
from synweight_core.checker_rows import Rows
from synweight_core.checkers import CHECKERS, finetuned_checker
from synweight_core.cli import main
from synweight_core.errors import DataError
from synweight_core.finetuned import cross_fit, median_best_epoch, taken
from synweight_core.prediction import LabelledTexts
from synweight_core.tuning import KINDS, Tuning

TOPICS = ("where is my parcel", "i want my money back")
LABELS = np.array([0, 1] * 10)
TEXTS = [f"{TOPICS[label]}, {i}" for i, label in enumerate(LABELS)]
ROWS = LabelledTexts(TEXTS, LABELS)
QUICK = Tuning(epochs=1, max_length=16, batch_size=4, learning_rate=3e-4, device="cpu")


def rows_of(texts, texts_b=None):
    def no_features():
        raise AssertionError("vectors are not for fine-tuned checkers")

    return Rows(no_features, lambda: texts, None if texts_b is None else lambda: texts_b, np.arange(len(texts)))


# --- who sees what, with models that only remember ------------------------------------------


@pytest.fixture
def remembering(monkeypatch):
    """Models that know the rows that they were trained on, better in the second epoch than in any other."""
    trained = []

    def epochs(rows, count, n_classes, tuning, seed):
        known = dict(zip(rows.texts, rows.labels, strict=True))
        trained.append((known.keys(), count))
        for epoch in range(1, count + 1):
            sure = 0.5 if epoch == 2 else 0.4

            def score(asked, progress, sure=sure):
                progress(len(asked.labels), len(asked.labels))
                hits = np.array([known.get(*row) for row in zip(asked.texts, asked.labels, strict=True)], dtype=int)
                seen = np.array([text in known for text in asked.texts], dtype=bool)
                p = np.where(seen, 0.9, sure)
                return np.log(np.where(np.eye(2)[hits] == 1, p[:, None], 1 - p[:, None]))

            yield score

    monkeypatch.setattr(finetuned, "_epochs", epochs)
    return trained


def test_each_row_is_scored_by_a_model_that_has_not_seen_it(remembering):
    folds = np.arange(20) % 5
    found = cross_fit(ROWS, folds, ROWS, n_classes=2, tuning=Tuning(epochs=4))
    assert np.exp(of_label(found.trained, LABELS)) == pytest.approx(0.5)
    assert np.exp(of_label(found.other, LABELS)) == pytest.approx(0.9)
    for fold, (seen, _) in enumerate(remembering[:5]):
        assert seen == {text for text, own in zip(TEXTS, folds, strict=True) if own != fold}


def test_the_last_model_sees_all_rows_for_the_best_epochs_of_the_median_fold(remembering):
    found = cross_fit(ROWS, np.arange(20) % 5, ROWS, n_classes=2, tuning=Tuning(epochs=9))
    assert found.epochs == 2
    assert (len(remembering[-1][0]), remembering[-1][1]) == (20, 2)


def test_rows_that_train_in_every_fold_are_scored_in_sample(remembering):
    folds = np.where(np.arange(20) < 2, -1, np.arange(20) % 3)
    found = cross_fit(ROWS, folds, taken(ROWS, folds < 0), n_classes=2, tuning=Tuning(epochs=2))
    assert np.exp(of_label(found.trained, LABELS)[:2]) == pytest.approx(0.9)
    assert np.exp(of_label(found.trained, LABELS)[2:]) == pytest.approx(0.5)
    assert found.other.shape == (2, 2)


def test_near_duplicates_are_never_on_both_sides(remembering):
    groups = np.arange(20) // 2  # neighbours in pairs
    finetuned_checker(rows_of(TEXTS), LABELS, rows_of(TEXTS[:1]), n_classes=2, groups=groups)
    for seen, _ in remembering[:-1]:
        assert all((TEXTS[i] in seen) == (TEXTS[i + 1] in seen) for i in range(0, 20, 2))


def test_a_fold_ends_when_it_has_got_no_better_for_a_while():
    said = [np.log([[p, 1 - p], [1 - p, p], [1 - p, p], [p, 1 - p]]) for p in (0.6, 0.6, 0.6, 0.6, 0.6, 0.6)]
    labels = np.array([0, 1, 1, 0])
    said[1] = np.log([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.9, 0.1]])
    said[0] = said[2] = said[3] = np.log([[0.6, 0.4], [0.6, 0.4], [0.4, 0.6], [0.6, 0.4]])
    models = ((lambda rows, progress, logits=logits: logits) for logits in said)
    history, losses = finetuned._history(models, LabelledTexts([""] * 4, labels), patience=2)
    assert len(history) == len(losses) == 4 and int(np.argmin(losses)) == 1


def test_progress_only_grows_and_ends_at_the_total(remembering):
    told = []
    cross_fit(
        ROWS, np.arange(20) % 5, ROWS, n_classes=2, tuning=Tuning(epochs=9),
        progress=lambda *share: told.append(share),
    )  # fmt: skip
    done, totals = zip(*told, strict=True)
    assert [*done] == sorted(done) and set(totals) == {63} and done[-1] == 63


@pytest.mark.parametrize(
    ("losses", "epoch"),
    [([[3, 1, 2], [1, 2, 3], [3, 2, 1]], 2), ([[3, 1], [1, 2]], 1), ([[1, 1, 2]], 1)],
    ids=["odd", "even: the earlier", "equal: the earlier"],
)
def test_median_best_epoch_by_hand(losses, epoch):
    assert median_best_epoch(losses) == epoch


@pytest.mark.parametrize(("rows", "epochs"), [(0, 20), (100, 20), (400, 10), (2_000, 2), (1_000_000, 2)])
def test_few_rows_are_seen_in_more_epochs(rows, epochs):
    assert Tuning().epochs_for(rows) == epochs


# --- the built-in model ---------------------------------------------------------------------


def test_pairs_and_a_class_without_rows_go_through_the_real_model():
    pairs = rows_of(["a parcel"] * 4, TEXTS[:4])
    scores = finetuned_checker(pairs, LABELS[:4] * 2, pairs.take(np.array([0])), n_classes=3, tuning=QUICK)
    assert np.isnan(scores.trained[:, 1]).all() and np.isnan(scores.other[:, 1]).all()
    np.testing.assert_allclose(np.exp(scores.trained[:, [0, 2]]).sum(axis=1), 1)
    assert 0.25 <= scores.temperature <= 4


def test_the_same_seed_gives_the_same_model_and_the_order_of_rows_to_score_plays_no_part():
    rows = taken(ROWS, np.arange(20) < 4)
    asked = LabelledTexts(["a much longer text than the others, about a parcel", "short", TEXTS[0]], np.zeros(3, int))
    back = LabelledTexts(asked.texts[::-1], asked.labels)
    folds = np.arange(4) // 2
    one, other = (cross_fit(rows, folds, said, n_classes=2, tuning=QUICK) for said in (asked, back))
    np.testing.assert_allclose(one.other, other.other[::-1], atol=0.02)  # bfloat16 where it is fast
    np.testing.assert_array_equal(one.trained, other.trained)


# --- projects -------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    """Synthetic and real rows as CSV files."""
    paths = {}
    for name, count in (("synthetic", 30), ("real", 40)):
        lines = [f"{TOPICS[i % 2]} {name} number {i * 7},{'ab'[i % 2]}" for i in range(count)]
        paths[name] = tmp_path / f"{name}.csv"
        paths[name].write_text("\n".join(["text,label", *lines]))
    return paths


def test_every_kind_has_its_checker():
    assert list(KINDS) == list(CHECKERS)


def test_checker_and_its_model_make_another_project_that_shares_the_vectors(files):
    probe, tuned, other = (
        projects.project_from_files(*files.values(), name="Shop", **choice)
        for choice in ({}, {"checker": "finetuned"}, {"checker": "finetuned", "checker_model": "some/model"})
    )
    assert len({probe.id, tuned.id, other.id}) == 3
    assert projects.load_project(other.id).checker_model == "some/model"
    keys = {stage: {prepare.cache_key(p, stage) for p in (probe, tuned, other)} for stage in prepare.STAGES}
    assert {stage for stage, found in keys.items() if len(found) > 1} == {"checkers", "findings"}
    assert len(keys["checkers"]) == 3


def test_unknown_checker_is_refused(files):
    with pytest.raises(DataError, match=r"Checker 'oracle' with model 'minilm' is not known\. Expected one of probe"):
        projects.project_from_files(*files.values(), name="Shop", checker="oracle")


def test_a_checker_makes_only_what_it_reads(files, remembering):
    dataset = projects.load_dataset(projects.project_from_files(*files.values(), name="Shop"))
    n = len(dataset.synthetic) + len(dataset.known_real)

    def no_features():
        raise AssertionError("vectors are not for fine-tuned checkers")

    told = []
    found = checker_columns(
        dataset, no_features, np.arange(n), checker="finetuned", tuning=Tuning(), seed=0,
        progress=lambda *share: told.append(share),
    )  # fmt: skip
    assert found["quality"].shape == found["diversity"].shape == (n, 2) and np.isfinite(found["quality"]).all()
    assert [done / total for done, total in told] == sorted(done / total for done, total in told)
    assert told[-1][0] == told[-1][1]


def test_command_refuses_a_checker_for_a_project_that_has_one_and_a_model_that_nobody_reads(files):
    project = projects.project_from_files(*files.values(), name="Shop")
    late = CliRunner().invoke(main, ["prepare", project.id, "--checker", "finetuned"])
    assert late.exit_code == 2 and "The checker is chosen when a project is made" in late.output
    unread = CliRunner().invoke(main, ["prepare", project.id, "--checker-model", "some/model"])
    assert unread.exit_code == 2 and "--checker-model is for --checker finetuned" in unread.output


@pytest.mark.long
def test_command_prepares_a_project_with_fine_tuned_checkers(files):
    options = ["--synthetic", str(files["synthetic"]), "--real", str(files["real"]), "--checker", "finetuned"]
    done = CliRunner().invoke(main, ["prepare", *options])
    assert done.exit_code == 0, done.output
    (project,) = projects.list_projects()
    assert project.checker == "finetuned"
    prepared = prepare.need_prepared(project)
    assert np.isfinite(prepared.log_quality).all() and prepared.facts["quality_accuracy"] > 0.8
    assert "Training the two checkers 1" in done.output or "Training the two checkers 5" in done.output
