"""The encoder behind "rows like this sentence": a real child with the real MiniLM, and children that misbehave."""

import json
import signal
import subprocess
import sys
import threading

import numpy as np
import psutil
import pytest
from conftest import until

from synweight_core import sentence_process
from synweight_core.errors import DataError, ModelError, SynweightError
from synweight_core.query_encoder import QueryEncoder

HEAVY = ("torch", "transformers", "sentence_transformers", "sklearn", "umap", "numba")


@pytest.fixture
def encoder():
    """A function that makes encoders, which end with the test."""
    made = []

    def make(name="minilm", **options):
        made.append(QueryEncoder(name, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def child(monkeypatch, encoder):
    """An encoder whose child runs a program of the test."""
    popen = subprocess.Popen

    def make(program, **options):
        monkeypatch.setattr(
            sentence_process.subprocess, "Popen", lambda command, **rest: popen([sys.executable, "-c", program], **rest)
        )
        return encoder(**options)

    return make


def children():
    """Encoders of this process; a browser of other tests may run beside them."""
    return [one for one in psutil.Process().children() if "playwright" not in " ".join(one.cmdline())]


def test_real_answers_are_the_vectors_of_the_rows(encoder):
    from synweight_core.embedding import embed
    from synweight_core.pairs import pair_positions

    texts = ["Where is my parcel?", "‮רכב\u0301 \x00 <b>"]
    first, second = embed(texts)
    real = encoder()
    assert children() == []
    assert np.abs(real.answer(texts[0]) - first).max() < 1e-4
    assert np.abs(real.answer(texts[1]) - second).max() < 1e-4
    assert np.abs(real.answer(*texts) - pair_positions(first[None], second[None])[0]).max() < 1e-4
    assert np.linalg.norm(real.answer("x" * 2000)) == pytest.approx(1, abs=1e-4)
    assert np.isfinite(real.answer("\ud800")).all()

    (before,) = children()
    before.kill()
    assert np.abs(real.answer(texts[0]) - first).max() < 1e-4
    (after,) = children()
    assert after.pid != before.pid
    real.close()
    assert not psutil.pid_exists(after.pid)
    real.close()


@pytest.mark.long
def test_child_ends_when_its_input_closes():
    command = [sys.executable, "-m", "synweight_core.query_encoder", "minilm"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    answer, _ = process.communicate(b'{"texts": ["a"]}\n', timeout=120)
    header, values = answer.split(b"\n", 1)
    assert json.loads(header) == {"dim": 384} and len(values) == 4 * 384
    assert process.returncode == 0


def test_child_that_waits_too_long_ends():
    program = "from synweight_core import sentence_process as q; q.IDLE_SECONDS = 1; q._next_line()"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    assert process.wait(30) == -signal.SIGALRM
    process.stdin.close()


def test_encoder_that_does_not_exist_is_said_plainly(encoder, tmp_path):
    missing = encoder(str(tmp_path))
    with pytest.raises(ModelError, match=f"The encoder '{tmp_path}' could not be loaded"):
        missing.answer("a")
    assert children() == []


@pytest.mark.parametrize("text", ["", " \n", "x" * 2001])
def test_empty_and_endless_sentences_start_nothing(encoder, text):
    for texts in ((text,), ("a", text)):
        with pytest.raises(DataError, match="expected 1 to 2,000 that are not all blank"):
            encoder().answer(*texts)
    assert children() == []


def test_child_that_ends_at_once_is_tried_twice(child, tmp_path):
    log = tmp_path / "log"
    mortal = child(f"open({str(log)!r}, 'a').write('started\\n')")
    with pytest.raises(SynweightError, match="process ended without a word"):
        mortal.answer("a")
    assert log.read_text() == "started\n" * 2
    assert children() == []


def test_silent_child_is_ended_in_time(child):
    with pytest.raises(SynweightError, match=r"did not answer within 0\.2 seconds"):
        child("import time; time.sleep(60)", first_seconds=0.2).answer("a")
    assert children() == []


@pytest.mark.parametrize(
    "answer", ["junk\n", "[]\n", '{"dim": -1}\n', '{"dim": 1e9}\n', '{"dim": 1}\n12345', "x" * 70_000]
)
def test_answer_that_is_none_is_an_error_and_ends_the_child(child, answer):
    wrong = child(f"import sys, time; sys.stdout.write({answer!r}); sys.stdout.flush(); time.sleep(60)")
    with pytest.raises(SynweightError, match="process gave an answer"):
        wrong.answer("a")
    assert children() == []


ECHO = """
import json, sys, time
import numpy as np
for line in sys.stdin:
    text = json.loads(line)["texts"][0]
    time.sleep(float(text))
    sys.stdout.buffer.write(b'{"dim": 2}\\n' + np.array([1, float(text)], dtype="<f4").tobytes())
    sys.stdout.buffer.flush()
"""


def test_threads_get_their_own_answers(child):
    echo, found = child(ECHO), {}
    texts = [f"0.0{number}" for number in range(1, 9)]

    def ask(text):
        found[text] = echo.answer(text)[1]

    threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == pytest.approx({text: float(text) for text in texts})
    assert len(children()) == 1


def test_answer_that_came_too_late_is_not_taken_for_the_next_one(child):
    echo = child(ECHO, first_seconds=30, next_seconds=0.5)
    echo.answer("0.1")
    with pytest.raises(SynweightError, match=r"within 0\.5 seconds"):
        echo.answer("1")
    assert echo.answer("0.2")[1] == pytest.approx(0.2)


def test_child_is_gone_when_its_parent_is_killed():
    program = (
        "from synweight_core.query_encoder import QueryEncoder as Q; q = Q('minilm'); q._start(); print(q._child.pid)"
    )
    program += "; import sys, time; sys.stdout.flush(); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_what_pages_need_of_search_pulls_no_heavy_library():
    program = f"""
import sys
from synweight_core import query_encoder, row_card, search, selections
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"
