"""How the synthetic rows differ from the known real rows as a whole: class shares and lengths, each with its size."""

import numpy as np

from synweight_core.flaws.hits import Hits, whole_rows
from synweight_core.flaws.seen import Seen

PRIOR_SHIFT = 0.1  # total variation distance
LENGTH_SHIFT = 0.65  # probability that a text of one kind is longer than one of the other
CHANCE = 0.01
_SHOWN = 3


def prior_shift(seen: Seen) -> Hits:
    """Says so when the class shares differ by PRIOR_SHIFT or more, beyond chance."""
    from scipy.stats import chi2_contingency

    real = seen.real["label"].map({name: code for code, name in enumerate(seen.names)}).to_numpy(dtype=np.int64)
    counts = np.stack([np.bincount(codes, minlength=len(seen.names)) for codes in (seen.label_codes, real)])
    counts = counts[:, counts.sum(axis=0) > 0]
    shares = counts / counts.sum(axis=1, keepdims=True)
    gaps = shares[0] - shares[1]
    distance = np.abs(gaps).sum() / 2
    if counts.shape[1] < 2 or distance < PRIOR_SHIFT or chi2_contingency(counts).pvalue > CHANCE:
        return _said("")
    names = [name for name in seen.names if name in set(seen.synthetic["label"]) | set(seen.real["label"])]
    most = np.argsort(-np.abs(gaps), kind="stable")[:_SHOWN]
    told = ", ".join(
        f"{names[i]} {shares[0, i]:.0%} of the synthetic and {shares[1, i]:.0%} of the real rows" for i in most
    )
    return _said(f"{distance:.0%} of the synthetic rows would need another label to have the real shares: {told}.")


def length_shift(seen: Seen) -> Hits:
    """Says so when synthetic texts are mostly longer, or mostly shorter, than real ones."""
    from scipy.stats import mannwhitneyu

    lengths, real = (np.array([len(text) for text in seen.joined(frame)]) for frame in (seen.synthetic, seen.real))
    found = mannwhitneyu(lengths, real)
    longer = found.statistic / (len(lengths) * len(real))
    if max(longer, 1 - longer) < LENGTH_SHIFT or found.pvalue > CHANCE:
        return _said("")
    word, chance = ("longer", longer) if longer > 0.5 else ("shorter", 1 - longer)
    return _said(
        f"A synthetic text is {word} than a real one with probability {chance:.0%}: the median has "
        f"{np.median(lengths):,.0f} characters among synthetic and {np.median(real):,.0f} among real rows."
    )


def _said(sentence: str) -> Hits:
    return whole_rows(np.empty(0), sentence=sentence)
