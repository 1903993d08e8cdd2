"""Texts -> unit vectors, by a sentence encoder. Imports torch: for worker processes and notebooks."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer
from transformers import PreTrainedTokenizerBase

from synweight_core.devices import has_bf16, pick_device
from synweight_core.errors import ModelError
from synweight_core.models import MINILM, is_local, model_source
from synweight_core.sampling import pieces

Progress = Callable[[int, int], None]  # done, total
Encode = Callable[[list[str]], np.ndarray]  # texts -> unit vectors [n, d]
Keep = Callable[[list[str], Encode], np.ndarray]

PIECE_TEXTS = 8_192  # distinct texts that are kept together: what an interruption may lose
_LENGTH_TEXTS = 10_000  # measured at a time: the tokens of a million texts would take gigabytes


def _not_kept(texts: list[str], encode: Encode) -> np.ndarray:
    """Nothing is kept: encode them."""
    return encode(texts)


def embed(
    texts: Sequence[str],
    *,
    encoder: str = MINILM,
    device: str = "auto",
    batch_size: int = 64,
    progress: Progress = lambda done, total: None,
    keep: Keep = _not_kept,
    dtype: type[np.floating[Any]] = np.float32,
) -> np.ndarray:
    """Unit vectors of the texts, [n, d] of `dtype`. Further arguments are those of `embed_with`.

    Raises:
        ModelError: `encoder` is neither a folder nor a hub id that can be loaded.
    """
    model = load_encoder(encoder, device=pick_device(device))
    return embed_with(model, texts, batch_size=batch_size, progress=progress, keep=keep, dtype=dtype)


def embed_with(
    model: SentenceTransformer,
    texts: Sequence[str],
    *,
    batch_size: int = 64,
    progress: Progress = lambda done, total: None,
    keep: Keep = _not_kept,
    dtype: type[np.floating[Any]] = np.float32,
) -> np.ndarray:
    """Unit vectors of the texts by an encoder that is loaded already, [n, d] of `dtype`.

    Equal texts are encoded once, in order of their tokens, so that a batch holds hardly any padding; bfloat16
    where the hardware is fast at it.

    Args:
        model: the encoder.
        texts: [n].
        batch_size: of the encoder.
        progress: gets done and total, in distinct texts.
        keep: gets PIECE_TEXTS of them at a time, and the function that encodes them: it may know their vectors
            already, from a time when this was interrupted.
        dtype: float32, or float16 to halve the memory.
    """
    distinct, positions = np.unique(np.asarray(texts, dtype=object), return_inverse=True)
    order = np.argsort(-_lengths(model, distinct), kind="stable")
    vectors = np.empty((len(distinct), model.get_embedding_dimension()), dtype=dtype)
    for piece in pieces(len(order), size=PIECE_TEXTS):
        encode = partial(_encode, model, batch_size, partial(_further, progress, piece.start, len(order)), dtype)
        vectors[order[piece]] = keep([*distinct[order[piece]]], encode)
    progress(len(order), len(order))
    return vectors[positions]


def _encode(
    model: SentenceTransformer,
    batch_size: int,
    progress: Callable[[int], None],
    dtype: type[np.floating[Any]],
    texts: list[str],
) -> np.ndarray:
    """Unit vectors of the texts, [n, d] of `dtype`; `progress` gets how many are done before each batch."""
    batches = []
    for batch in pieces(len(texts), size=batch_size):  # `encode` would sort more rows than a batch again
        progress(batch.start)
        encoded = model.encode(texts[batch], batch_size=batch_size, show_progress_bar=False)
        batches.append(encoded.astype(np.float32))
    vectors = np.concatenate(batches)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors.astype(dtype, copy=False)


def _further(progress: Progress, before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _lengths(model: SentenceTransformer, texts: np.ndarray) -> np.ndarray:
    """Tokens of each text; its characters where the encoder has no such tokenizer. [n]"""
    if not isinstance(model.tokenizer, PreTrainedTokenizerBase):
        return np.array([len(text) for text in texts])
    lengths = np.empty(len(texts), dtype=np.int64)
    for piece in pieces(len(texts), size=_LENGTH_TEXTS):
        encoded = model.tokenizer([*texts[piece]], truncation=True, max_length=model.max_seq_length)
        lengths[piece] = [len(ids) for ids in encoded["input_ids"]]
    return lengths


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
        for piece in pieces(len(long), size=_LENGTH_TEXTS):
            chunk = long[piece]
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
