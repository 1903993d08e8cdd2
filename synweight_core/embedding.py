"""Texts -> unit vectors, by a sentence encoder. Imports torch: for worker processes and notebooks."""

import sys
from collections.abc import Callable, Sequence

import numpy as np
from sentence_transformers import SentenceTransformer
from transformers import PreTrainedTokenizerBase

from synweight_core.devices import has_bf16, pick_device
from synweight_core.errors import ModelError
from synweight_core.models import MINILM, is_local, model_source

Progress = Callable[[int, int], None]  # done, total
_TOKENIZED = 10_000  # texts whose tokens are counted at once


def embed(
    texts: Sequence[str],
    *,
    encoder: str = MINILM,
    device: str = "auto",
    batch_size: int = 64,
    progress: Progress = lambda done, total: None,
) -> np.ndarray:
    """Unit vectors of the texts, [n, d] float32.

    Raises:
        ModelError: `encoder` is neither a folder nor a hub id that can be loaded.
    """
    model = load_encoder(encoder, device=pick_device(device))
    return embed_with(model, texts, batch_size=batch_size, progress=progress)


def embed_with(
    model: SentenceTransformer,
    texts: Sequence[str],
    *,
    batch_size: int = 64,
    progress: Progress = lambda done, total: None,
) -> np.ndarray:
    """Unit vectors of the texts by an encoder that is loaded already, [n, d] float32.

    Equal texts are encoded once, in order of their tokens, so that a batch holds hardly any padding; bfloat16
    where the hardware is fast at it.
    """
    distinct, positions = np.unique(np.asarray(texts, dtype=object), return_inverse=True)
    order = np.argsort(-_lengths(model, distinct), kind="stable")
    vectors = np.empty((len(distinct), model.get_embedding_dimension()), dtype=np.float32)
    for start in range(0, len(order), batch_size):  # `encode` would sort more rows than a batch again
        progress(start, len(order))
        chunk = order[start : start + batch_size]
        encoded = model.encode([*distinct[chunk]], batch_size=batch_size, show_progress_bar=False)
        vectors[chunk] = encoded.astype(np.float32)
    progress(len(order), len(order))
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors[positions]


def _lengths(model: SentenceTransformer, texts: np.ndarray) -> np.ndarray:
    """Tokens of each text; its characters where the encoder has no such tokenizer. [n]"""
    if not isinstance(model.tokenizer, PreTrainedTokenizerBase):
        return np.array([len(text) for text in texts])
    encoded = model.tokenizer([*texts], truncation=True, max_length=model.max_seq_length)
    return np.array([len(ids) for ids in encoded["input_ids"]])


def token_counts(texts: Sequence[str], *, encoder: str = MINILM) -> tuple[np.ndarray, int]:
    """The tokens of each text, special ones included, int64 [n], and how many of them the encoder reads.

    0 for a text that is too short to have more, and for all texts where the encoder has no such tokenizer.
    Raises ModelError when it cannot be loaded.
    """
    model = load_encoder(encoder, device="cpu")
    most = model.max_seq_length or sys.maxsize
    counts = np.zeros(len(texts), dtype=np.int64)
    if isinstance(model.tokenizer, PreTrainedTokenizerBase):
        long = [i for i, text in enumerate(texts) if len(text) + model.tokenizer.num_special_tokens_to_add() > most]
        for first in range(0, len(long), _TOKENIZED):
            chunk = long[first : first + _TOKENIZED]
            encoded = model.tokenizer([texts[i] for i in chunk], verbose=False)
            counts[chunk] = [len(ids) for ids in encoded["input_ids"]]
    return counts, int(most)


def load_encoder(encoder: str, *, device: str) -> SentenceTransformer:
    """A sentence encoder from a folder or hub id, safetensors only. Raises ModelError."""
    source = model_source(encoder)
    try:
        return SentenceTransformer(
            source,
            device=device,
            local_files_only=is_local(source),
            model_kwargs={
                "dtype": "bfloat16" if has_bf16(device) else "float32",
                "use_safetensors": True,
            },
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The encoder '{encoder}' could not be loaded: {error} Expected '{MINILM}', a folder with a "
            "sentence-transformers model in safetensors, or the id of one on the Hugging Face hub."
        ) from error
