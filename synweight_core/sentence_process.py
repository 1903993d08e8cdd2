"""Sentences that somebody types -> numbers, by a child process that keeps a model loaded.

`SentenceProcess` is for pages and commands and imports no model library; the child is
`python -m synweight_core.MODULE MODEL`, and its module calls `answer_all`. It reads one JSON line {"texts": [...]} and
answers with one JSON line, {"dim": d} followed by d little-endian float32 values, or {"error": "..."}. It ends when
its input closes or after IDLE_SECONDS without a question.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from synweight_core.errors import DataError, ModelError, SynweightError
from synweight_core.runs import WORKER_ENVIRONMENT

MAX_QUERY_CHARS = 2000
IDLE_SECONDS = 15 * 60
_MAX_DIM = 1 << 16
_MAX_HEADER_BYTES = 1 << 16


class SentenceProcess:
    """One model in one child process, started at the first question. Threads may share it.

    `module` and `noun` are what a subclass is about: the child's module, and what people call its model. The first
    answer of a child has `first_seconds` (the model is loaded), each later one `next_seconds`.
    """

    module: str
    noun: str

    def __init__(self, model: str, *, first_seconds: float = 90, next_seconds: float = 20) -> None:
        self.model = model
        self._first_seconds, self._next_seconds = first_seconds, next_seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._has_answered = False

    def answer(self, text: str, second: str | None = None) -> np.ndarray:
        """What the model says of a text, or of a pair of texts. [d] float32

        Raises:
            DataError: a text is empty or longer than MAX_QUERY_CHARS.
            ModelError: the model cannot be loaded.
            SynweightError: no answer came in time, or the child ended twice.
        """
        texts = [_checked(each) for each in (text, second) if each is not None]
        question = json.dumps({"texts": texts}, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            try:
                return self._ask(question)
            except _ChildEndedError:  # it was killed, or had been idle for long
                return self._ask(question)

    def close(self) -> None:
        """End the child, after the question that it may be at. A later question starts another one."""
        with self._lock:
            self._end()

    def _ask(self, question: bytes) -> np.ndarray:
        """One question to the child; whatever goes wrong, no answer is left over for the next one."""
        if self._child is None or self._child.poll() is not None:
            self._start()
        child, is_answered = self._child, False
        assert child is not None and child.stdin is not None and child.stdout is not None
        seconds = self._next_seconds if self._has_answered else self._first_seconds
        try:
            child.stdin.write(question)
            child.stdin.flush()
            vector = _answer(child.stdout, time.monotonic() + seconds)
            is_answered = self._has_answered = True
            return vector
        except BrokenPipeError as error:
            raise _ChildEndedError from error
        except TimeoutError as error:
            raise SynweightError(
                f"The {self.noun} '{self.model}' did not answer within {seconds:g} seconds. The machine may be busy: "
                "try again."
            ) from error
        finally:
            if not is_answered:
                self._end()

    def _start(self) -> None:
        self._end()
        self._has_answered = False
        self._child = subprocess.Popen(
            [sys.executable, "-m", f"synweight_core.{self.module}", self.model],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
            env=os.environ | WORKER_ENVIRONMENT,
        )

    def _end(self) -> None:
        """The child keeps nothing that it would have to save."""
        if self._child is None:
            return
        for pipe in (self._child.stdin, self._child.stdout):
            assert pipe is not None
            pipe.close()
        self._child.kill()
        self._child.wait()
        self._child = None


class _ChildEndedError(SynweightError):
    def __init__(self) -> None:
        super().__init__(
            "The model's process ended without a word: it was killed, or memory ran out. Close other programs and "
            "try again."
        )


def _checked(text: str) -> str:
    if not text.strip() or len(text) > MAX_QUERY_CHARS:
        raise DataError(
            f"The sentence has {len(text):,} characters; expected 1 to {MAX_QUERY_CHARS:,} that are not all blank."
        )
    return text.encode("utf-8", "replace").decode()


def _answer(pipe: BinaryIO | Any, deadline: float) -> np.ndarray:  # noqa: ANN401 (Popen's own type)
    content = bytearray()
    while b"\n" not in content and len(content) < _MAX_HEADER_BYTES:
        content += _read(pipe, deadline)
    line, _, values = content.partition(b"\n")
    dim = _dim(line)
    while len(values) < 4 * dim:
        values += _read(pipe, deadline)
    if len(values) != 4 * dim:
        raise SynweightError("The model's process gave an answer of the wrong length. Try again.")
    return np.frombuffer(bytes(values), dtype="<f4").astype(np.float32)


def _dim(line: bytes | bytearray) -> int:
    """What the header says. Raises ModelError with the child's own words, SynweightError for no header."""
    try:
        header = json.loads(line)
        error, dim = header.get("error"), header.get("dim", 0)
    except (ValueError, AttributeError):
        error, dim = None, 0
    if error:
        raise ModelError(str(error))
    if not (isinstance(dim, int) and 0 < dim <= _MAX_DIM):
        raise SynweightError("The model's process gave an answer that is none. Try again.")
    return dim


def _read(pipe: BinaryIO | Any, deadline: float) -> bytes:  # noqa: ANN401
    """What the child has written, as soon as there is some. Raises TimeoutError, _ChildEndedError."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        if not selector.select(max(0, deadline - time.monotonic())):
            raise TimeoutError
    content = os.read(pipe.fileno(), 1 << 16)
    if not content:
        raise _ChildEndedError
    return content


def answer_all(load: Callable[[], Callable[[list[str]], np.ndarray]]) -> None:
    """The child: load the model, which turns one or two texts into numbers [d], and answer until nobody asks."""
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what libraries print must not mix with the answers
        try:
            ask = load()
            while question := _next_line():
                values = ask(json.loads(question)["texts"])
                answers.write(json.dumps({"dim": len(values)}).encode() + b"\n" + values.astype("<f4").tobytes())
                answers.flush()
        except SynweightError as error:
            answers.write(json.dumps({"error": str(error)}).encode() + b"\n")


def _next_line() -> bytes:
    """The next question, b"" when the input is closed. The alarm ends a process that waits too long."""
    signal.alarm(IDLE_SECONDS)
    line = sys.stdin.buffer.readline()
    signal.alarm(0)
    return line
