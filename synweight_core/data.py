"""Tables -> one data set: labels renamed, rows checked, the real rows split once.

Nothing here reads files (`tables`) or knows folders (`projects.py`). Every row that is left out is
kept in `Dataset.dropped` with its reason.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from synweight_core.columns import Columns, match_labels
from synweight_core.errors import DataError
from synweight_core.findings import Finding, listed, pair_keys, report
from synweight_core.split import split_real

MIN_REAL_ROWS = 20  # below this no checker can be cross-validated
MIN_SYNTHETIC_ROWS = 20

Unjudged = Literal["drop", "weight_one", "block"]


@dataclass(frozen=True)
class Upload:
    """One file as a table, with the person's name for it, the roles of its columns, and reading notes."""

    name: str
    frame: pd.DataFrame
    columns: Columns
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Synthetic and real rows with the same label names.

    Both frames have `text`, `text_b` ("" when single), `label`, `generator`, `row` (1-based row of the
    file) and `upload:NAME` for every further column, which no model ever sees. `real` has `split`:
    "train" (the checker's rows), "validation" or "test".
    """

    synthetic: pd.DataFrame
    real: pd.DataFrame
    labels: tuple[str, ...]
    findings: tuple[Finding, ...]
    dropped: pd.DataFrame

    @property
    def known_real(self) -> pd.DataFrame:
        """The real rows that may choose something: all but the test rows."""
        return self.real[self.real["split"] != "test"]

    @property
    def is_pairs(self) -> bool:
        """Whether the texts are pairs."""
        return bool((self.synthetic["text_b"] != "").any())

    def label_codes(self, frame: pd.DataFrame) -> np.ndarray:
        """Positions of the labels of `frame` in `labels`, int64 [n]."""
        return label_codes(frame["label"], self.labels)

    def content_hash(self) -> str:
        """A hash of everything that a model may see, and of the split."""
        digest = hashlib.sha256("\x1e".join(self.labels).encode())
        for frame, names in ((self.synthetic, ()), (self.real, ("split",))):
            for name in ("text", "text_b", "label", *names):
                joined = "\x1f".join(frame[name].tolist())
                digest.update(joined.encode("utf-8", "surrogatepass") + b"\x1d")
        return digest.hexdigest()


def label_codes(labels: pd.Series, names: Sequence[str]) -> np.ndarray:
    """The position in `names` of each label, int64 [n]."""
    return pd.Categorical(labels, categories=list(names)).codes.astype(np.int64)


def build_dataset(
    synthetic: Upload,
    real: Upload,
    test: Upload | None = None,
    *,
    label_map: Mapping[str, str] | None = None,
    unjudged: Unjudged = "drop",
    seed: int = 0,
) -> Dataset:
    """One data set from two or three uploads.

    `label_map` renames labels of the synthetic and the test file to the real file's names; names that
    it lacks are matched by `match_labels`. `unjudged` says what happens to synthetic rows with a label
    that no real row has.

    Raises:
        DataError: a column is missing, too few rows or classes are left, or `unjudged` is "block".
    """
    check_pairs([synthetic, real, *([test] if test else [])])
    drops: list[pd.DataFrame] = []
    rows = without_empty(canonical_rows(synthetic), synthetic, drops)
    real_rows = without_empty(canonical_rows(real), real, drops)
    real_rows = _without_duplicates(real_rows, real.name, drops)
    test_rows = None
    if test:
        test_rows = without_empty(canonical_rows(test), test, drops)
        rows = without_leaks(rows, synthetic.name, test_rows, drops)
        real_rows = without_leaks(real_rows, real.name, test_rows, drops)
    known = sorted(set(real_rows["label"]))
    _check_real(real_rows, real.name, known)
    rows = rename_labels(rows, known, label_map or {})
    rows, kept_unjudged = _settle_unjudged(rows, synthetic.name, known, unjudged, drops)
    labels = tuple(sorted({*known, *kept_unjudged}))
    split = split_real(real_rows["label"], with_test=test is None, seed=seed)
    real_rows = real_rows.assign(split=split)
    if test is None:
        rows = without_leaks(rows, synthetic.name, real_rows[real_rows["split"] == "test"], drops)
    if test and test_rows is not None:
        test_rows = _test_rows(test_rows, test.name, labels, label_map or {}, drops)
        real_rows = pd.concat([real_rows, test_rows.assign(split="test")])
    if rows.empty:
        raise DataError(
            f"{synthetic.name}: no synthetic row is left after the checks; expected rows whose labels are "
            f"among {listed(known)}. Match the label names, or choose another file."
        )
    dropped = pd.concat(drops, ignore_index=True)
    return Dataset(
        synthetic=rows.reset_index(drop=True).fillna(""),
        real=real_rows.reset_index(drop=True).fillna(""),
        labels=labels,
        findings=tuple(report(rows, real_rows, labels, dropped, kept_unjudged)),
        dropped=dropped,
    )


def check_trainable(dataset: Dataset) -> None:
    """Raise DataError unless the synthetic rows can train a classifier and its checker."""
    counts = dataset.synthetic["label"].value_counts()
    if len(dataset.synthetic) < MIN_SYNTHETIC_ROWS or (counts >= 2).sum() < 2:
        raise DataError(
            f"{len(dataset.synthetic):,} usable synthetic rows with {len(counts):,} labels were found; expected at "
            f"least {MIN_SYNTHETIC_ROWS} rows, and at least two labels with two rows each. Add rows, or check which "
            "column holds the label."
        )


def canonical_rows(upload: Upload) -> pd.DataFrame:
    """The rows of a file under the column names of `Dataset`, none left out. Raises DataError as `check_roles`."""
    check_roles(upload)
    frame, columns = upload.frame, upload.columns
    roles = {role: getattr(columns, role) for role in ("text", "text_b", "label", "generator")}
    used = {name for name in roles.values() if name}
    blank = pd.Series("", index=frame.index, dtype=str)
    parts = {role: frame[name] if name else blank for role, name in roles.items()}
    parts |= {f"upload:{name}": frame[name] for name in frame.columns if name not in used}
    canonical = pd.DataFrame(parts)
    canonical["label"] = canonical["label"].str.strip()
    return canonical.assign(row=np.arange(1, len(frame) + 1))


def check_roles(upload: Upload) -> None:
    """Raise DataError unless a column holds the texts and another one the labels."""
    frame, columns = upload.frame, upload.columns
    for role, name in (("text", columns.text), ("label", columns.label)):
        if name is None or name not in frame.columns:
            raise DataError(
                f"{upload.name}: no column for the {role} was found. "
                f"The file has: {listed(list(frame.columns))}. Pick one of them as {role}."
            )
    absent = [name for name in (columns.text_b, columns.generator) if name and name not in frame.columns]
    if absent:
        raise DataError(
            f"{upload.name}: there is no column '{absent[0][:80]}'. "
            f"The file has: {listed(list(frame.columns))}. Pick one of them, or none."
        )
    if columns.text == columns.label:
        raise DataError(
            f"{upload.name}: column '{columns.text}' is chosen both as text and as label. "
            f"The file has: {listed(list(frame.columns))}. Pick two different columns."
        )


def left_out(frame: pd.DataFrame, mask: pd.Series, name: str, reason: str, drops: list[pd.DataFrame]) -> pd.DataFrame:
    """`frame` without the masked rows, which are noted in `drops`."""
    gone = frame.loc[mask, ["row", "text", "text_b", "label"]]
    drops.append(gone.assign(file=name, reason=reason))
    return frame[~mask]


def check_pairs(uploads: Sequence[Upload]) -> None:
    """Raise DataError unless all files hold pairs of texts, or none does."""
    pairs = {upload.name: bool(upload.columns.text_b) for upload in uploads}
    if len(set(pairs.values())) > 1:
        with_second = [name for name, is_pair in pairs.items() if is_pair]
        without = [name for name, is_pair in pairs.items() if not is_pair]
        raise DataError(
            f"A second text was found in {listed(with_second)} and none in {listed(without)}. Either all files "
            "hold pairs or none does. Pick the second text column everywhere, or nowhere."
        )


def without_empty(frame: pd.DataFrame, upload: Upload, drops: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows that have a text (both of a pair) and a label; the others are noted in `drops`."""
    empty = frame["text"].str.strip() == ""
    if upload.columns.text_b:
        empty |= frame["text_b"].str.strip() == ""
    frame = left_out(frame, empty, upload.name, "empty text", drops)
    return left_out(frame, frame["label"] == "", upload.name, "empty label", drops)


def _without_duplicates(frame: pd.DataFrame, name: str, drops: list[pd.DataFrame]) -> pd.DataFrame:
    return left_out(frame, pair_keys(frame).duplicated(), name, "duplicate", drops)


def without_leaks(frame: pd.DataFrame, name: str, test: pd.DataFrame, drops: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows whose text is not that of a test row; the others are noted in `drops`."""
    leaked = pair_keys(frame).isin(set(pair_keys(test)))
    return left_out(frame, leaked, name, "stands in test", drops)


def rename_labels(frame: pd.DataFrame, known: Sequence[str], label_map: Mapping[str, str]) -> pd.DataFrame:
    """The rows with the label names that `label_map` gives, else with those of `known` that mean the same."""
    names = match_labels(frame["label"].unique(), known)
    renamed = {name: label_map.get(name) or same or name for name, same in names.items()}
    return frame.assign(label=frame["label"].map(renamed))


def _settle_unjudged(
    rows: pd.DataFrame,
    name: str,
    known: Sequence[str],
    unjudged: Unjudged,
    drops: list[pd.DataFrame],
) -> tuple[pd.DataFrame, list[str]]:
    """Synthetic rows and the labels among them that the real rows lack and that are kept."""
    foreign = sorted(set(rows["label"]) - set(known))
    if not foreign:
        return rows, []
    if unjudged == "block":
        count = int(rows["label"].isin(foreign).sum())
        raise DataError(
            f"{name}: {count:,} rows have labels that no real row has: {listed(foreign)}. "
            f"The real rows have: {listed(known)}. The quality checker cannot judge such rows. Match the "
            "label names, leave these rows out, or keep them with weight 1."
        )
    if unjudged == "drop":
        return left_out(rows, rows["label"].isin(foreign), name, "unknown label", drops), []
    return rows, foreign


def _test_rows(
    rows: pd.DataFrame,
    name: str,
    labels: Sequence[str],
    label_map: Mapping[str, str],
    drops: list[pd.DataFrame],
) -> pd.DataFrame:
    rows = rename_labels(rows, labels, label_map)
    rows = left_out(rows, ~rows["label"].isin(labels), name, "unknown label", drops)
    rows = _without_duplicates(rows, name, drops)
    if rows.empty:
        raise DataError(
            f"{name}: no test row has a label of the real file ({listed(labels)}). "
            "Match the label names, or leave the test file out."
        )
    return rows


def _check_real(rows: pd.DataFrame, name: str, known: Sequence[str]) -> None:
    if len(rows) < MIN_REAL_ROWS:
        raise DataError(
            f"{name}: {len(rows):,} usable real rows were found; at least {MIN_REAL_ROWS} are needed, and "
            "200 to 400 are a good number. Add labelled real rows."
        )
    if len(known) < 2:
        raise DataError(
            f"{name}: all {len(rows):,} rows have the label '{listed(known)}'; at least two classes are "
            "needed to train a classifier. Check which column holds the label, or add rows."
        )
    if len(known) > len(rows) // 4:
        raise DataError(
            f"{name}: {len(known):,} different labels in {len(rows):,} rows were found; expected at least "
            "four rows a label on average. Check which column holds the label."
        )
