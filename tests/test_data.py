"""Claims about the data set: columns and labels that are guessed, rows that are left out, the one split."""

import pandas as pd
import pytest

from synweight_core.columns import Columns, guess_columns, match_labels
from synweight_core.data import Upload, build_dataset
from synweight_core.errors import DataError
from synweight_core.findings import normalised
from synweight_core.split import split_real

ROLES = Columns("text", "label")
GOOD = [(f"good {i}", "a") for i in range(12)]
BAD = [(f"bad {i}", "b") for i in range(12)]


def upload(name: str, rows: list[tuple[str, str]], **extra: list[str]) -> Upload:
    frame = pd.DataFrame(rows, columns=["text", "label"], dtype="str")
    return Upload(name, frame.assign(**extra), ROLES)


SYNTHETIC = upload("syn.csv", [("written a", "a"), ("written b", "b")])
REAL = upload("real.csv", GOOD + BAD)


def findings(dataset) -> dict[str, str]:
    return {finding.kind: finding.message for finding in dataset.findings}


# --- guesses of columns and labels ----------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["text", "label"], Columns("text", "label")),
        (["Sentence ", "Sentiment"], Columns("Sentence ", "Sentiment")),
        (["sentence1", "sentence2", "class", "model"], Columns("sentence1", "class", "sentence2", "model")),
        (["premise", "hypothesis", "gold"], Columns("premise", "gold", "hypothesis")),
        (["label", "label_text", "review"], Columns("review", "label")),
    ],
)
def test_columns_are_guessed_by_name(names, expected):
    assert guess_columns(pd.DataFrame([["x"] * len(names)], columns=names)) == expected


def test_text_without_a_known_name_is_the_longest_column():
    frame = pd.DataFrame({"id": ["1", "2"], "comment": ["a long one", "b"], "label": ["p", "n"]})
    assert guess_columns(frame) == Columns("comment", "label")


def test_missing_label_is_not_guessed():
    assert guess_columns(pd.DataFrame({"text": ["a"], "other": ["b"]})) == Columns("text", None)
    assert guess_columns(pd.DataFrame()) == Columns(None, None)


@pytest.mark.parametrize(
    ("found", "known"),
    [
        ("Joy", "joy"),
        ("card_arrival", "card arrival"),
        ("card-arrival", "Card_Arrival"),
        ("pos", "positive"),
        ("Negative", "neg"),
        ("N", "no"),
    ],
)
def test_label_names_match_whatever_their_spelling(found, known):
    assert match_labels([found], ["other", known]) == {found: known}


def test_unknown_label_has_no_match():
    assert match_labels(["anger", "joy"], ["joy", "fear"]) == {"anger": None, "joy": "joy"}


def test_exact_name_wins_over_a_similar_one():
    assert match_labels(["Joy"], ["joy", "Joy", "JOY"]) == {"Joy": "Joy"}


# --- what is refused ------------------------------------------------------------------------


def test_missing_column_lists_those_of_the_file():
    unlabelled = Upload("syn.csv", SYNTHETIC.frame, Columns("text", None))
    with pytest.raises(DataError, match=r"syn\.csv: no column for the label .* has: text, label\. Pick one"):
        build_dataset(unlabelled, REAL)
    renamed = Upload("real.csv", REAL.frame, Columns("tweet", "label"))
    with pytest.raises(DataError, match=r"real\.csv: no column for the text was found"):
        build_dataset(SYNTHETIC, renamed)


def test_same_column_as_text_and_label_is_refused():
    twice = Upload("syn.csv", SYNTHETIC.frame, Columns("text", "text"))
    with pytest.raises(DataError, match=r"'text' is chosen both as text and as label.*Pick two different"):
        build_dataset(twice, REAL)


def test_one_class_only_is_refused():
    one = [(f"good {i}", "a") for i in range(24)]
    with pytest.raises(DataError, match="all 24 rows have the label 'a'; at least two classes are needed"):
        build_dataset(SYNTHETIC, upload("real.csv", one))


def test_three_real_rows_are_refused():
    with pytest.raises(DataError, match=r"real\.csv: 3 usable real rows were found; at least 20 are needed"):
        build_dataset(SYNTHETIC, upload("real.csv", [*GOOD[:2], *BAD[:1]]))


def test_a_label_per_row_is_refused():
    rows = [(f"text {i}", f"label {i}") for i in range(24)]
    with pytest.raises(DataError, match=r"24 different labels in 24 rows.*Check which column holds the label"):
        build_dataset(SYNTHETIC, upload("real.csv", rows))


def test_no_synthetic_row_left_is_refused():
    with pytest.raises(DataError, match=r"syn\.csv: no synthetic row is left.*labels are among a, b\."):
        build_dataset(upload("syn.csv", [("x", "c")]), REAL)


def test_test_file_without_a_known_label_is_refused():
    with pytest.raises(DataError, match=r"test\.csv: no test row has a label of the real file \(a, b\)"):
        build_dataset(SYNTHETIC, REAL, upload("test.csv", [("x", "c")]))


# --- labels that the real rows lack ---------------------------------------------------------

FOREIGN = upload("syn.csv", [("written a", "A"), ("written c", "c"), ("more c", "c")])


def test_rows_with_a_foreign_label_are_dropped_and_counted():
    dataset = build_dataset(FOREIGN, REAL, unjudged="drop")
    assert dataset.synthetic["text"].tolist() == ["written a"] and dataset.labels == ("a", "b")
    assert findings(dataset)["unknown label"] == "syn.csv: 2 rows left out: a label that no real row has."
    assert dataset.dropped[["row", "label", "reason"]].to_numpy().tolist() == [
        [2, "c", "unknown label"],
        [3, "c", "unknown label"],
    ]


def test_rows_with_a_foreign_label_can_be_kept_with_weight_1():
    dataset = build_dataset(FOREIGN, REAL, unjudged="weight_one")
    assert dataset.synthetic["label"].tolist() == ["a", "c", "c"]
    assert dataset.labels == ("a", "b", "c")
    assert "2 synthetic rows have labels that no real row has (c)" in findings(dataset)["unjudged"]


def test_rows_with_a_foreign_label_can_block():
    with pytest.raises(DataError, match=r"2 rows have labels that no real row has: c\. .* rows have: a, b\."):
        build_dataset(FOREIGN, REAL, unjudged="block")


def test_label_map_wins_over_the_guess():
    dataset = build_dataset(FOREIGN, REAL, label_map={"A": "b", "c": "a"})
    assert dataset.synthetic["label"].tolist() == ["b", "a", "a"]
    assert dataset.label_codes(dataset.synthetic).tolist() == [1, 0, 0]


# --- rows that are left out -----------------------------------------------------------------


def test_rows_without_text_or_label_are_dropped_and_counted():
    rows = [("written", "a"), (" \n", "a"), ("", "b"), ("unlabelled", " ")]
    dataset = build_dataset(upload("syn.csv", rows), REAL)
    assert dataset.synthetic["row"].tolist() == [1]
    assert findings(dataset)["empty text"] == "syn.csv: 2 rows left out: no text."
    assert findings(dataset)["empty label"].startswith("syn.csv: 1 row ")


def test_duplicates_of_real_rows_are_dropped_and_counted():
    dataset = build_dataset(SYNTHETIC, upload("real.csv", [*GOOD, *BAD, ("Good  1!", "b")]))
    assert len(dataset.real) == 24 and dataset.dropped["row"].tolist() == [25]
    assert findings(dataset)["duplicate"] == "real.csv: 1 row left out: the same text stands earlier in the file."


def test_synthetic_duplicates_and_copies_of_real_rows_are_kept_and_counted():
    dataset = build_dataset(upload("syn.csv", [("x", "a"), ("X.", "a"), ("good 1", "a")]), REAL)
    assert len(dataset.synthetic) == 3
    assert findings(dataset)["synthetic duplicate"].startswith("1 of 3 synthetic rows repeat another one")


def test_test_rows_are_taken_out_of_the_training_side_and_counted():
    test = upload("test.csv", [("GOOD 0!", "a"), ("written b", "b"), ("new", "b")])
    dataset = build_dataset(SYNTHETIC, REAL, test)
    assert dataset.synthetic["text"].tolist() == ["written a"]
    known = dataset.known_real["text"]
    assert len(known) == 23 and "good 0" not in set(known)
    assert set(dataset.real.loc[dataset.real["split"] == "test", "text"]) == {"GOOD 0!", "written b", "new"}
    left_out = dataset.dropped[dataset.dropped["reason"] == "stands in test"]
    assert left_out[["file", "row"]].to_numpy().tolist() == [["syn.csv", 2], ["real.csv", 1]]


def test_punctuation_case_and_spaces_do_not_make_another_text_but_emoji_do():
    first, *same, emoji, other = normalised(
        pd.Series(["It's fine", "its  FINE!!", "“It’s” fine…", "ｉｔｓ fine", "its fine 😀", "its fine 😡"])
    )
    assert set(same) == {first} and len({first, emoji, other}) == 3


def test_texts_of_punctuation_alone_stay_different():
    assert normalised(pd.Series(["?!", "..."])).nunique() == 2


def test_few_rare_and_missing_classes_are_reported():
    real = upload("real.csv", [*GOOD, *BAD, ("rare", "c")])
    found = findings(build_dataset(SYNTHETIC, real))
    assert "No synthetic row has the label c." in found["class without synthetic rows"]
    assert "Fewer than five real rows have the label c." in found["rare class"]
    assert "real rows are there to judge by" in found["few real rows"]


# --- the split ------------------------------------------------------------------------------

LABELS = pd.Series(["a"] * 50 + ["b"] * 30 + ["c"] * 20)


@pytest.mark.parametrize(
    ("with_test", "expected"),
    [
        (True, {"train": [30, 18, 12], "validation": [10, 6, 4], "test": [10, 6, 4]}),
        (False, {"train": [40, 24, 16], "validation": [10, 6, 4]}),
    ],
)
def test_split_is_60_20_20_or_80_20_in_every_class(with_test, expected):
    split = split_real(LABELS, with_test=with_test, seed=0)
    counts = pd.crosstab(split, LABELS)
    assert {name: counts.loc[name].tolist() for name in counts.index} == expected


def test_split_adds_up_where_classes_do_not_divide():
    split = pd.Series(split_real(pd.Series(["a"] * 7 + ["b"] * 8 + ["c"] * 10), with_test=True, seed=0))
    assert split.value_counts().to_dict() == {"train": 15, "validation": 5, "test": 5}


def test_split_is_seeded():
    first, again, other = (split_real(LABELS, with_test=True, seed=seed).tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_class_of_one_row_stays_in_training():
    labels = pd.Series(["a"] * 10 + ["b"] * 10 + ["c"])
    assert all(split_real(labels, with_test=True, seed=seed)[-1] == "train" for seed in range(10))
    assert set(split_real(pd.Series(list("abcdefghij")), with_test=True, seed=0)) == {"train"}


def test_every_real_row_has_one_split_and_the_known_ones_are_not_test():
    dataset = build_dataset(SYNTHETIC, REAL)
    assert sorted(dataset.real["text"]) == sorted(text for text, _ in GOOD + BAD)
    assert set(dataset.real["split"]) == {"train", "validation", "test"}
    assert set(dataset.known_real["split"]) == {"train", "validation"}


def test_given_test_file_leaves_80_20():
    split = build_dataset(SYNTHETIC, REAL, upload("test.csv", [("new", "b")])).real["split"]
    assert split.value_counts().to_dict() == {"train": 19, "validation": 5, "test": 1}


# --- further columns, hash and pairs --------------------------------------------------------


def test_further_columns_are_kept_under_a_name_that_no_model_sees():
    noted = upload("real.csv", GOOD + BAD, row=["9"] * 24)
    dataset = build_dataset(SYNTHETIC, noted, upload("test.csv", [("new", "a")]))
    assert dataset.real["upload:row"].tolist() == ["9"] * 24 + [""]
    assert dataset.real["row"].tolist() == [*range(1, 25), 1]


def test_content_hash_changes_with_labels_texts_and_split():
    other_label = upload("syn.csv", [("written a", "b"), ("written b", "b")])
    other_text = upload("syn.csv", [("written a ", "a"), ("written b", "b")])
    datasets = [build_dataset(synthetic, REAL) for synthetic in (SYNTHETIC, other_label, other_text)]
    datasets.append(build_dataset(SYNTHETIC, REAL, seed=1))
    assert len({dataset.content_hash() for dataset in datasets}) == 4


def test_content_hash_ignores_names_and_further_columns():
    noted = upload("other.csv", GOOD + BAD, note=["x"] * 24)
    assert build_dataset(SYNTHETIC, noted).content_hash() == build_dataset(SYNTHETIC, REAL).content_hash()


def pairs(name: str, rows: list[tuple[str, str, str]]) -> Upload:
    return Upload(name, pd.DataFrame(rows, columns=["q", "r", "same"]), Columns("q", "same", "r"))


def test_pairs_need_both_sides_and_differ_when_one_side_does():
    real = pairs("real.csv", [("a", f"b {i}", "yes" if i % 2 else "no") for i in range(24)])
    dataset = build_dataset(pairs("syn.csv", [("a", "z", "y"), ("a", "", "no"), ("", "z", "no")]), real)
    assert dataset.is_pairs and len(dataset.real) == 24
    assert dataset.synthetic[["text", "text_b", "label"]].to_numpy().tolist() == [["a", "z", "yes"]]
    assert not build_dataset(SYNTHETIC, REAL).is_pairs


def test_synthetic_rows_that_stand_in_the_split_off_test_rows_are_left_out_and_counted():
    real = upload("real.csv", [*GOOD, *BAD])
    dataset = build_dataset(upload("syn.csv", [*GOOD, *BAD, ("other", "a")]), real)
    test = set(dataset.real.loc[dataset.real["split"] == "test", "text"])
    assert test and not test & set(dataset.synthetic["text"])
    assert findings(dataset)["stands in test"].startswith(f"syn.csv: {len(test)} rows left out")


def test_pairs_in_one_file_only_are_refused_with_the_names_of_the_files():
    pairs = pd.DataFrame({"text": ["x"] * 30, "text_b": ["y"] * 30, "label": list("ab") * 15})
    single = upload("real.csv", [*GOOD, *BAD])
    with pytest.raises(DataError, match=r"A second text was found in syn\.csv and none in real\.csv"):
        build_dataset(Upload("syn.csv", pairs, Columns("text", "label", "text_b")), single)
