"""What goes wrong outside of anybody's control, told in one sentence: the disk is full, or another tab was quicker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import streamlit as st

from pages.widgets.plain import plain
from synweight_core.errors import SynweightError, file_sentence

_Given = ParamSpec("_Given")


def sentence(error: SynweightError | OSError) -> str:
    """What to say of it, escaped."""
    return plain(file_sentence(error) if isinstance(error, OSError) else error)


@contextmanager
def told() -> Iterator[None]:
    """A page ends with the sentence where it would end with an error."""
    try:
        yield
    except (SynweightError, OSError) as error:
        st.error(sentence(error), icon=":material/error:")


def told_briefly(act: Callable[_Given, object]) -> Callable[_Given, None]:
    """A callback that says the sentence above the page; what is on the disk is as it was."""

    @wraps(act)
    def acted(*args: _Given.args, **choices: _Given.kwargs) -> None:
        try:
            act(*args, **choices)
        except (SynweightError, OSError) as error:
            st.toast(sentence(error), icon=":material/error:")

    return acted
