"""KINDS: the flaws that are looked for, what each means, what is proposed against it, and what finds it.

To add one, write a function from `Seen` to `Hits` and its row here: the preparation, the page, the command and the
tests walk the table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from synweight_core.flaws import chatter, copies, encoding, judgements, languages, leaked_labels, openings, shifts
from synweight_core.flaws import truncation as cut
from synweight_core.flaws.hits import Hits
from synweight_core.flaws.seen import Seen

Level = Literal["info", "warning"]
Action = Literal["exclude", "strip", "keep"]


@dataclass(frozen=True)
class Kind:
    """One flaw. `mend` says how `stripping` takes it out of a text: by cutting the part, repairing the text, or not."""

    title: str
    meaning: str
    level: Level
    proposal: Action
    detect: Callable[[Seen], Hits]
    mend: Literal["", "cut", "repair"] = ""


KINDS: Mapping[str, Kind] = {
    "encoder_language": Kind(
        "Language that the encoder hardly knows",
        "Vectors, map, checkers and near-duplicates rest on an encoder that was made for another language.",
        "warning", "keep", languages.encoder_language,
    ),
    "near_test": Kind(
        "Nearly a test row",
        "The text stands almost word by word in the test rows, so that test figures would flatter the model. Exact "
        "copies were left out when the project was made.",
        "warning", "exclude", copies.near_test,
    ),
    "label_leak": Kind(
        "Label in the text",
        "A tag in the text names a label, as \"(Positive)\" or \"Sentiment: positive\" would. A model learns to read "
        "the tag, which no real text has.",
        "warning", "strip", leaked_labels.leaked_labels, "cut",
    ),
    "template": Kind(
        "Chat template in the text",
        "Fragments of the format in which a chat model is spoken to, such as <|eot_id|>.",
        "warning", "exclude", chatter.template, "cut",
    ),
    "talk": Kind(
        "The generator's own talk",
        "The generator speaks to whoever asked it, instead of writing the text: it refuses, announces, offers more.",
        "warning", "exclude", chatter.talk,
    ),
    "placeholder": Kind(
        "Slots that were never filled",
        "A text with [Your Name] in it is a form, not a text.",
        "warning", "exclude", chatter.placeholder,
    ),
    "list": Kind(
        "Several items in one row",
        "A numbered or bulleted list stands where one text should.",
        "warning", "exclude", chatter.lists,
    ),
    "truncated": Kind(
        "Cut off",
        "The text ends in the middle of a sentence, judged by how the texts of this set end.",
        "warning", "exclude", cut.truncated,
    ),
    "language": Kind(
        "Another language",
        "The text is in a language or script that hardly any real row has.",
        "warning", "exclude", languages.other_language,
    ),
    "debris": Kind(
        "Debris of encoding or format",
        "Letters read in the wrong encoding, entities, escapes, tags or control codes.",
        "warning", "strip", encoding.debris, "repair",
    ),
    "two_labels": Kind(
        "One text, two labels",
        "The same text stands in the set with different labels. At least one of them is wrong.",
        "warning", "keep", copies.two_labels,
    ),
    "copy_of_real": Kind(
        "Copy of a real row",
        "The text of a known real row. The checkers have seen it, and validation rows among them pick the best epoch.",
        "warning", "exclude", copies.copy_of_real,
    ),
    "same_text": Kind(
        "Exact copy",
        "The same text with the same label stands earlier in the set; the first one is not counted.",
        "info", "exclude", copies.same_text,
    ),
    "near_copy": Kind(
        "Near copy",
        "Nearly the same text stands earlier in the set; the first one is not counted. The diversity checker lowers "
        "the weight of such rows where beta is above 0.",
        "info", "keep", copies.near_copies,
    ),
    "near_real": Kind(
        "Near copy of a real row",
        "Close to a known real row in meaning, and mostly in letters. Paraphrases of real rows are meant to be so.",
        "info", "keep", copies.near_real,
    ),
    "opening": Kind(
        "Stock opening",
        "Many synthetic rows begin with the same words, and hardly any real row does.",
        "info", "keep", openings.openings, "cut",
    ),
    "marks": Kind(
        "List mark or quotation marks",
        "A list number, a bullet, or quotation marks around the text, left over from the generator's answer.",
        "info", "strip", chatter.marks, "cut",
    ),
    "doubtful_label": Kind(
        "Doubtful label",
        "The quality checker finds another label at least 30 times as likely. The weights lower such rows already.",
        "info", "keep", judgements.doubtful_labels,
    ),
    "too_long": Kind(
        "Longer than the encoder reads",
        "The vector of such a text says nothing about its end; fine-tuning reads as much as its own limit allows.",
        "info", "keep", judgements.too_long,
    ),
    "prior_shift": Kind(
        "Other class shares than the real rows",
        "The balance setting of the weights gives classes the shares that they have among the real rows.",
        "info", "keep", shifts.prior_shift,
    ),
    "length_shift": Kind(
        "Other lengths than the real rows",
        "A model may learn length instead of meaning.",
        "info", "keep", shifts.length_shift,
    ),
}  # fmt: skip
