"""Hand-made sets for the tests of flaws: clean texts of several kinds, and what detectors read of them."""

import numpy as np
import pandas as pd

from synweight_core.flaws.seen import Seen

THINGS = (
    "lamp",
    "coat",
    "kettle",
    "mirror",
    "carpet",
    "jacket",
    "printer",
    "blender",
    "tent",
    "scarf",
    "drill",
    "sofa",
)
SAID = (
    ("My {} has not arrived, although it was sent on Monday.", "delivery"),
    ("Where can I send the {} that I do not want any more?", "refund"),
    ("The parcel with the {} was left in the rain by the driver!", "delivery"),
    ("You still owe me the money for the {} of last week.", "refund"),
    ("Has anybody at your place seen the {} that I ordered?", "delivery"),
    ("I was told the price of the {} would be paid back to me.", "refund"),
)
GERMAN = (
    ("Der Bote hat {} einfach vor die Tür gestellt, und jetzt ist alles nass.", "lieferung"),
    ("Wann bekomme ich endlich mein Geld für {} zurück?", "rückzahlung"),
    ("Seit einer Woche warte ich auf {}, und niemand antwortet mir.", "lieferung"),
    ("Ich möchte {} nicht behalten und bitte um eine Erstattung.", "rückzahlung"),
)
CHINESE = (("我买的{}还没有送到，请帮我查一下。", "快递"), ("这个{}坏了，我想退货，什么时候退款？", "退款"))


def clean(said=SAID, *, first=0, repeat=1):
    """Texts and labels without a flaw: every sentence about every thing."""
    things = [f"{thing}{'' if repeat == 1 else number}" for number in range(repeat) for thing in THINGS[first::2]]
    rows = [(text.format(thing), label) for thing in things for text, label in said]
    return pd.DataFrame(rows, columns=["text", "label"], dtype="str").assign(text_b="")


def seen_of(synthetic, real, test=None, *, quality=None, encoder="minilm", token_counts=None):
    """What detectors read of these rows; nobody is anybody's neighbour."""
    n = len(synthetic) + len(real)
    names = tuple(sorted({*synthetic["label"], *real["label"]}))
    more = {} if token_counts is None else {"token_counts": token_counts}
    return Seen(
        synthetic=synthetic.reset_index(drop=True), real=real.reset_index(drop=True),
        test=(clean(first=1).head(0) if test is None else test), names=names,
        indices=np.zeros((n, 1), dtype=np.int32), distances=np.full((n, 1), 1.4, dtype=np.float32),
        quality=np.log(np.full((n, len(names)), 1 / len(names))) if quality is None else quality, encoder=encoder,
        **more,
    )  # fmt: skip


def with_texts(rows, texts):
    """`rows` with these texts in the place of the first ones, and where they stand."""
    changed = rows.copy()
    changed.loc[changed.index[: len(texts)], "text"] = list(texts)
    return changed
