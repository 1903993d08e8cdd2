"""What the checker and the encoder say of rows: labels that are doubtful, texts longer than the encoder reads."""

import numpy as np
import pandas as pd

from synweight_core.flaws.hits import Hits, whole_rows
from synweight_core.flaws.seen import Seen

DOUBT = float(np.log(30))  # nats: another label is 30 times as likely
SHORT = 120  # characters: no encoder reads fewer tokens


def doubtful_labels(seen: Seen) -> Hits:
    """Synthetic rows of which the quality checker says that another label is far more likely."""
    codes, scores = seen.label_codes, seen.quality[: seen.n]
    if not scores.size:
        return whole_rows(np.empty(0))
    own = scores[np.arange(seen.n), codes]
    known = np.where(np.isnan(scores), -np.inf, scores)
    best = known.argmax(axis=1)
    rows = np.flatnonzero(known.max(axis=1) - own > DOUBT)  # NaN where the real rows lack the label

    def note(i: int) -> str:
        row = rows[i]
        likely, labelled = np.exp(known[row, best[row]]), np.exp(own[row])
        return f"looks like {seen.names[best[row]]} ({likely:.0%}), labelled {seen.names[codes[row]]} ({labelled:.1%})"

    return whole_rows(rows, note=note)


def too_long(seen: Seen) -> Hits:
    """Synthetic and known real rows with more tokens than the encoder reads: it does not see their ends."""
    texts = pd.concat([frame[side] for side in seen.sides for frame in (seen.synthetic, seen.real)])
    maybe = np.flatnonzero(texts.str.len().to_numpy() > SHORT)
    if not len(maybe):
        return whole_rows(np.empty(0))
    found, most = seen.token_counts(texts.iloc[maybe].tolist())
    counts = np.zeros(seen.n + len(seen.real), dtype=np.int64)
    np.maximum.at(counts, maybe % len(counts), found)
    rows = np.flatnonzero(counts > most)
    return whole_rows(rows, note=lambda i: f"{counts[rows[i]]:,} tokens, and the encoder reads {most:,}")
