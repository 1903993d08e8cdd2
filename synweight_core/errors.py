"""The errors that people may see. Each message says what was found, what was expected, what to do."""

import errno


class SynweightError(Exception):
    """Base of every error whose message is written for the person in front of the screen."""


class DataError(SynweightError):
    """Something about the uploaded data, or about the choice of columns, labels or rows."""


class NotFoundError(SynweightError):
    """A project, run or file that is named by an id does not exist in this workspace."""


class ModelError(SynweightError):
    """A model folder or hub id that cannot be used."""


class WorkspaceError(SynweightError):
    """The workspace folder cannot be written or read."""


class RunError(SynweightError):
    """A run that is not in the state that something needs: it runs already, or has finished."""


class CheckpointError(SynweightError):
    """A checkpoint that cannot be read, or belongs to another run."""


class StopRequested(Exception):
    """Raised by a `report` when somebody asked the job to end: what there is by then is kept."""


_FULL = (errno.ENOSPC, errno.EDQUOT)
_TOO_LARGE = (errno.EFBIG,)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def file_sentence(error: OSError) -> str:
    """What went wrong with a file, and what to do, for a person."""
    name = f"'{error.filename}'" if error.filename else "a file"
    if error.errno in _FULL or "No space left" in str(error):
        return f"The disk is full: {name} could not be written. Free some space and go on; what was finished is kept."
    if error.errno in _TOO_LARGE:
        return f"The system lets {name} grow no further. Raise this user's limit on the size of files and go on."
    if error.errno in _FORBIDDEN:
        return f"The system forbids to read or write {name}. Give this user the right to it, or use another folder."
    if isinstance(error, FileNotFoundError):
        return f"There is no '{error.filename or error}': it was moved or deleted. Put it back, or upload it again."
    return f"A file could not be read or written: {error}. Look after the disk, then start again."
