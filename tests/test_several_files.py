"""Several files of one role as one upload."""

import pandas as pd
import pytest

from synweight_core.columns import Columns, guess_columns
from synweight_core.data import Upload
from synweight_core.errors import DataError
from synweight_core.several_files import combine

A = pd.DataFrame({"text": ["one", "two"], "label": ["x", "y"]})


def upload(name, frame, columns=None):
    return Upload(name, frame, columns or guess_columns(frame))


def test_one_file_stays_as_it_is():
    only = upload("a.csv", A)
    assert combine([only]) is only


def test_columns_are_matched_by_role_and_take_the_names_of_the_first_file():
    b = pd.DataFrame({"sentiment": ["y"], "sentence": ["three"]})
    found = combine([upload("a.csv", A), upload("b.csv", b)])
    assert found.frame.to_dict("list") == {
        "text": ["one", "two", "three"],
        "label": ["x", "y", "y"],
        "file": ["a.csv", "a.csv", "b.csv"],
    }
    assert found.columns == Columns("text", "label", generator="file")
    assert found.name == "a.csv, b.csv"


def test_file_name_is_the_generator_only_where_there_is_no_other():
    b = A.assign(model="gpt")
    found = combine([upload("a.csv", A), upload("b.csv", b)])
    assert found.columns.generator == "model"
    assert found.frame["model"].tolist() == ["a.csv", "a.csv", "gpt", "gpt"]
    assert "No column for the generator in a.csv: the file's name stands for it." in found.notes


def test_further_columns_that_differ_are_told_and_empty_where_absent():
    found = combine([upload("a.csv", A.assign(mood="calm")), upload("b.csv", A.assign(length="5"))])
    assert found.frame["mood"].tolist() == ["calm", "calm", "", ""]
    assert "Not in all files, and empty where absent: mood, length." in found.notes
    assert "Rows are numbered through all files: a.csv 1 to 2, b.csv 3 to 4." in found.notes


def test_further_column_with_the_name_of_a_role_gets_another_name():
    b = pd.DataFrame({"sentence": ["three"], "class": ["y"], "text": ["a comment"], "file": ["f"]})
    found = combine([upload("a.csv", A), upload("b.csv", b, Columns("sentence", "class"))])
    assert found.frame["text"].tolist() == ["one", "two", "three"]
    assert found.frame["text.1"].tolist() == ["", "", "a comment"]
    assert found.frame["file"].tolist() == ["", "", "f"]
    assert found.frame["file.1"].tolist() == ["a.csv", "a.csv", "b.csv"]


def test_notes_of_the_reader_name_their_file():
    noted = Upload("b.csv", A, guess_columns(A), ("Read as Windows-1252.",))
    assert "b.csv: Read as Windows-1252." in combine([upload("a.csv", A), noted]).notes


def test_file_without_a_label_is_named():
    with pytest.raises(DataError, match=r"b\.csv: no column for the label was found\. The file has: text"):
        combine([upload("a.csv", A), upload("b.csv", A[["text"]])])


def test_pairs_and_single_texts_do_not_mix():
    pairs = upload("b.csv", A.assign(text_b="z"))
    with pytest.raises(DataError, match=r"A second text was found in b\.csv and none in a\.csv"):
        combine([upload("a.csv", A), pairs])


def test_many_files_have_a_short_name():
    found = combine([upload(f"{number}.csv", A) for number in range(9)])
    assert found.name == "0.csv, 1.csv, 2.csv and 6 more"
    assert len(found.frame) == 18
