"""Several files of one role -> one upload: rows one below the other, columns matched by their roles.

The name of its file stands beside each row, and is the generator of rows that have no other. What the files do not have
in common is told in the notes of the upload.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import pandas as pd

from synweight_core.columns import Columns
from synweight_core.data import Upload, check_pairs, check_roles
from synweight_core.errors import DataError
from synweight_core.findings import listed
from synweight_core.tables import Limits

FILE_COLUMN = "file"
_MAX_NOTED = 5


def combine(uploads: Sequence[Upload]) -> Upload:
    """One upload of all rows in the order of the files; a single one as it is.

    Raises:
        DataError: a file has no column for text or label, only some hold pairs, or there are too many rows.
    """
    if len(uploads) == 1:
        return uploads[0]
    for upload in uploads:
        check_roles(upload)
    check_pairs(uploads)
    _check_size(uploads)
    roles = _role_names(uploads)
    own = _free(FILE_COLUMN, {*roles.values(), *itertools.chain(*(upload.frame.columns for upload in uploads))})
    frames = [_renamed(upload, roles).assign(**{own: upload.name}) for upload in uploads]
    if "generator" in roles:
        frames = [
            frame if roles["generator"] in frame.columns else frame.assign(**{roles["generator"]: upload.name})
            for frame, upload in zip(frames, uploads, strict=True)
        ]
    rows = pd.concat(frames, ignore_index=True).fillna("").astype(str)
    columns = Columns(**{"text": None, "label": None, "generator": own} | roles)
    name = listed([upload.name for upload in uploads], at_most=3)
    return Upload(name, rows, columns, (*_notes(uploads, frames, roles), *_reading_notes(uploads)))


def _role_names(uploads: Sequence[Upload]) -> dict[str, str]:
    """The column of each role, named as in the first file that has it."""
    names: dict[str, str] = {}
    for upload in uploads:
        for role, name in asdict(upload.columns).items():
            if name and role not in names:
                names[role] = _free(name, set(names.values()))
    return names


def _renamed(upload: Upload, roles: dict[str, str]) -> pd.DataFrame:
    """The rows of a file with its roles named as in `roles`; a further column of such a name gets another."""
    own = {name: role for role, name in asdict(upload.columns).items() if name}
    taken = {*upload.frame.columns, *roles.values()}
    names = {}
    for name in upload.frame.columns:
        clashes = name not in own and name in roles.values()
        names[name] = roles[own[name]] if name in own else _free(name, taken) if clashes else name
        taken.add(names[name])
    return upload.frame.rename(columns=names)


def _free(name: str, taken: set[str]) -> str:
    """The name, or with a number behind it the first that is not taken."""
    numbered = (f"{name}.{number}" for number in itertools.count(1))
    return name if name not in taken else next(each for each in numbered if each not in taken)


def _notes(uploads: Sequence[Upload], frames: Sequence[pd.DataFrame], roles: dict[str, str]) -> Iterable[str]:
    ends = list(itertools.accumulate(len(upload.frame) for upload in uploads))
    places = [
        f"{upload.name} {end - len(upload.frame) + 1:,} to {end:,}" for upload, end in zip(uploads, ends, strict=True)
    ]
    yield f"Rows are numbered through all files: {listed(places, at_most=_MAX_NOTED)}."
    without = [upload.name for upload in uploads if not upload.columns.generator]
    if without:
        yield f"No column for the generator in {listed(without, at_most=_MAX_NOTED)}: the file's name stands for it."
    everywhere = set.intersection(*(set(frame.columns) for frame in frames)) | set(roles.values())
    partly = dict.fromkeys(name for frame in frames for name in frame.columns if name not in everywhere)
    if partly:
        yield f"Not in all files, and empty where absent: {listed(list(partly), at_most=_MAX_NOTED)}."


def _reading_notes(uploads: Sequence[Upload]) -> Iterable[str]:
    return (f"{upload.name}: {note}" for upload in uploads for note in upload.notes)


def _check_size(uploads: Sequence[Upload]) -> None:
    total, limit = sum(len(upload.frame) for upload in uploads), Limits().max_rows
    if total > limit:
        raise DataError(f"The {len(uploads)} files have {total:,} rows, and at most {limit:,} are expected. Use fewer.")
