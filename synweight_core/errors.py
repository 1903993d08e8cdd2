"""The errors that people may see. Each message says what was found, what was expected, what to do."""


class SynweightError(Exception):
    """Base of every error whose message is written for the person in front of the screen."""


class DataError(SynweightError):
    """Something about the uploaded data, or about the choice of columns, labels or rows."""


class NotFoundError(SynweightError):
    """A project, run or file that is named by an id does not exist in this workspace."""


class ModelError(SynweightError):
    """A model folder or hub id that cannot be used."""


class RunError(SynweightError):
    """A run that is not in the state that something needs: it runs already, or has finished."""


class StopRequested(Exception):
    """Raised by a `report` when somebody asked the job to end: what there is by then is kept."""
