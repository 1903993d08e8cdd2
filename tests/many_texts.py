"""A made data set and an encoder that reads it, may break and may be slow. As a program: a preparation to be killed."""

import sys
import time
import zlib
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pandas as pd

PIECE_TEXTS = 64
D = 12


class FakeModel:
    """An encoder that notes what it reads; it breaks before it would have read more than `breaks_after` texts."""

    tokenizer = None

    def __init__(self, *, breaks_after=10**9, seconds=0.0):
        self.read, self.breaks_after, self.seconds = [], breaks_after, seconds

    def get_embedding_dimension(self):
        """d."""
        return D

    def encode(self, texts, **options):
        """[n, d], which depends on the texts alone."""
        if len(self.read) + len(texts) > self.breaks_after:
            raise KeyboardInterrupt
        time.sleep(self.seconds)
        self.read += texts
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text):
        vector = np.random.default_rng(zlib.crc32(text.encode())).normal(size=D)
        vector[0] += 3 if "parcel" in text else -3
        return vector


def made_dataset(n):
    """n synthetic and 40 real rows of two labels."""
    from synweight_core.columns import Columns
    from synweight_core.data import Upload, build_dataset

    words = {"late": "parcel waiting", "refund": "money bank"}
    labels = [list(words)[i % 2] for i in range(n + 40)]
    texts = [f"{words[label]} {i} {'a' * (i % 9)}" for i, label in enumerate(labels)]
    rows = pd.DataFrame({"text": texts, "label": labels})
    columns = Columns("text", "label")
    return build_dataset(Upload("s", rows[:n], columns), Upload("r", rows[n:].reset_index(drop=True), columns))


def vectors_of(project, report=lambda event: None):
    """The vectors of a project's rows, computed where they are not stored."""
    from synweight_core import prepare, projects

    return prepare._stored_vectors(project, projects.load_dataset(project), report, "cpu")["positions"]


if __name__ == "__main__":  # without the libraries of real encoders, which take long to import
    sys.modules["sentence_transformers"] = SimpleNamespace(SentenceTransformer=object)
    sys.modules["transformers"] = SimpleNamespace(PreTrainedTokenizerBase=str)
    sys.modules["synweight_core.devices"] = SimpleNamespace(has_bf16=None, pick_device=str)
    from synweight_core import embedding, prepare, projects

    embedding.PIECE_TEXTS, prepare.compiled_map = PIECE_TEXTS, nullcontext
    embedding.load_encoder = lambda encoder, *, device: FakeModel(seconds=0.2)
    vectors_of(projects.create_project(made_dataset(400), "shop"))
