"""Flaws of texts: each kind finds what was planted and nothing in clean sets, whatever the language."""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_flaws import CHINESE, GERMAN, SAID, clean, seen_of, with_texts

from synweight_core.flaws import copies, judgements, languages, shifts
from synweight_core.flaws.encoding import repaired
from synweight_core.flaws.examination import examine, flaws_of
from synweight_core.flaws.hits import first_parts, is_unusual
from synweight_core.flaws.kinds import KINDS
from synweight_core.flaws.shingles import likeness, signatures

SETS = {"English": SAID, "German": GERMAN, "Chinese": CHINESE}
FRENCH = "Je n'ai toujours pas reçu ma commande, pouvez-vous m'aider s'il vous plaît ?"
CUT = [text.format("lamp").rsplit(" ", 3)[0] + " the" for text, _ in SAID]

# of each kind: the set, texts that have the flaw, and harmless ones that look a little like it
PLANTED = {
    "label_leak": (
        ("English", ["It came late. (Delivery)", "I want it back. [refund]", "Sentiment: refund\nThe coat is torn.",
                     "Not here yet. Label: delivery", "Give it back - refund", "(Refund) The lamp is broken."],
         ["I paid (with a refund voucher) for it.", "The delivery was late.", "Is a refund possible?"]),
        ("German", ["Es kam nie an. (Lieferung)", "Kategorie: Rückzahlung. Der Mantel ist kaputt."],
         ["Die Lieferung fehlt."]),
        ("Chinese", ["东西还没有到（快递）", "标签：退款\n我想退货"], ["快递还没有到。"]),
    ),
    "template": (
        ("English", ["<|im_start|>user my lamp is late", "My lamp is late.<|eot_id|>", "[INST] Write a message [/INST]",
                     "start_of_turn>model", "### Response: my lamp is late", "Assistant: my lamp is late"],
         ["My lamp costs < 5 euros | or so", "The assistant told me: come back later."]),
    ),
    "talk": (
        ("English", ["As an AI language model, I cannot order lamps.", "Sure! Here are ten examples of messages:",
                     "Here are five new delivery messages:", "I hope these examples help!",
                     "Let me know if you would like more examples.", "I'm sorry, but I can't assist with that."],
         ["Here is my address.", "Sure, send it back.", "Let me know when it arrives.", "I hope this arrives soon."]),
        ("German", ["Als KI-Sprachmodell kann ich nichts bestellen.", "Hier sind zehn Beispiele für Nachrichten:"],
         ["Hier ist meine Adresse."]),
        ("Chinese", ["作为一个人工智能语言模型，我不能下单。", "以下是一些示例句子："], ["以下单时间为准。"]),
    ),
    "placeholder": (
        ("English", ["Hello, my name is [Your Name].", "Where is my [product]?", "Dear {customer_name}, it is late."],
         ["The box said [FRAGILE] on it.", "It is {really} late."]),
    ),
    "list": (
        ("English", ["1. It is late. 2. It is broken. 3. It is gone.", "- late lamp\n- torn coat\n- no kettle"],
         ["I ordered 1. a lamp and 2. a coat.", "It came at 3.15 and left at 4.20, or 5.30."]),
    ),
    "truncated": (("English", CUT, []),),
    "language": (
        ("English", [FRENCH, "Посылка так и не пришла, верните мне деньги.",
                     "荷物がまだ届いていません。", "Το δέμα μου χάθηκε"],
         ["lamp?", "Ok merci!", "El Corte Ingles sent it"]),
        ("German", [FRENCH, "My parcel has never arrived and nobody answers me."], ["Danke!", "Sorry, ok."]),
        ("Chinese", ["My parcel has never arrived and nobody answers me."], ["好的"]),
    ),
    "debris": (
        ("English", ["I donâ€™t know where itâ€™s gone.", "Lamp &amp; coat are late.", "It\\u2019s late.",
                     "Late<br>again.",
                     "It is\N{REPLACEMENT CHARACTER} late.", "Late.\\nAgain and again."],
         ["Où est ma lampe à 5 € – déjà?", "A & B; C < D", "C:\\new folder"]),
    ),
    "marks": (
        ("English", ["1. My lamp is late.", "- My coat is torn.", '"Where is my kettle?"', 'It is gone now."'],
         ['He said "late" twice.', "5 lamps are late.", "2.5 kettles"]),
    ),
}  # fmt: skip
CASES = [(kind, *case) for kind, cases in PLANTED.items() for case in cases]


def flaws(seen):
    found = flaws_of(examine(seen), n_synthetic=seen.n, n_real=len(seen.real))
    return {flaw.name: flaw for flaw in found}


@pytest.mark.parametrize("said", SETS.values(), ids=SETS)
def test_a_clean_set_has_no_flaw(said):
    found = flaws(seen_of(clean(said), clean(said, first=1), encoder="some/multilingual"))
    assert list(found) == []


@pytest.mark.parametrize(("kind", "said", "planted", "harmless"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_each_kind_finds_what_was_planted_and_nothing_else(kind, said, planted, harmless):
    rows = with_texts(clean(SETS[said]), [*planted, *harmless])
    hits = KINDS[kind].detect(seen_of(rows, clean(SETS[said], first=1)))
    assert sorted({rows["text"].iloc[row] for row in hits.rows}) == sorted(planted)


@pytest.mark.parametrize("kind", [kind for kind in PLANTED if kind not in ("truncated", "language")])
def test_what_real_rows_do_as_often_is_no_flaw(kind):
    _, planted, _ = PLANTED[kind][0]
    synthetic, real = with_texts(clean(), planted), with_texts(clean(first=1), planted)
    assert len(KINDS[kind].detect(seen_of(synthetic, real)).rows) == 0


HOSTILE = ["", " ", "\x00", "(", "(" * 5_000, "a " * 20_000, "1. " * 5_000, "<|" * 5_000, "“" * 3_000, "\\u" * 3_000,
           "&#" * 3_000, "🏳️‍🌈" * 500, "\u202e" * 100, "(?i)\\p{L}", "label: " * 3_000,
           "[" * 3_000 + "refund"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_fails_or_hangs_on_hostile_texts(kind):
    rows = with_texts(clean(), HOSTILE)
    started = time.perf_counter()
    for synthetic, real in ((rows, clean(first=1)), (rows.head(1), rows.head(1)), (rows, rows)):
        hits = KINDS[kind].detect(seen_of(synthetic, real))
        lengths = {side: synthetic[side].str.len().to_numpy() for side in ("text", "text_b")}
        for row, side, end in zip(hits.rows, hits.sides, hits.ends, strict=True):
            assert row >= len(synthetic) or end <= lengths["text_b" if side else "text"][row]
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_never_taken_for_patterns(kind):
    rows = clean().assign(label=["(a+)+$", "[b", "*", "\\"] * 9)
    assert KINDS[kind].detect(seen_of(rows, clean(first=1).assign(label=["(a+)+$", "[b", "*", "\\"] * 9))) is not None


def test_both_texts_of_a_pair_are_searched():
    rows = clean().assign(text_b="It is late.")
    rows.loc[3, "text_b"] = "It is late. (Refund)"
    hits = KINDS["label_leak"].detect(seen_of(rows, clean(first=1).assign(text_b="It is late.")))
    assert (hits.rows.tolist(), hits.sides.tolist()) == ([3], [1])


def test_longer_label_is_not_taken_for_the_one_inside_it():
    names = {"delivery": "hyperbole", "refund": "not hyperbole"}
    rows, real = (clean(first=first).replace({"label": names}) for first in (0, 1))
    planted = with_texts(rows, ["He ran a million miles. (Hyperbolic)", "He ran a mile. (Not hyperbolic)"])
    hits = KINDS["label_leak"].detect(seen_of(planted, real))
    cut = [planted["text"].iloc[row][:start] for row, start in zip(hits.rows, hits.starts, strict=True)]
    assert cut == ["He ran a million miles.", "He ran a mile."]


def test_last_word_that_is_a_label_counts_only_where_rows_name_their_own_label():
    own = clean().assign(text=lambda rows: "So it goes. " + rows["label"].str.title())
    real = clean(first=1)
    assert len(KINDS["label_leak"].detect(seen_of(own, real)).rows) == len(own)
    always = own.assign(text="So it goes. Refund")
    assert len(KINDS["label_leak"].detect(seen_of(always, real)).rows) == 0


def test_tags_that_people_use_too_leave_other_tags_suspects():
    rows, real = clean(repeat=3), with_texts(clean(first=1), ["About: refund. Where is it?"])
    planted = with_texts(rows, ["About: refund. Where is it?", *["Intent: refund. Where is it?"] * 6])
    assert KINDS["label_leak"].detect(seen_of(planted, real)).rows.tolist() == [1, 2, 3, 4, 5, 6]


def test_numbers_as_labels_count_only_where_rows_name_their_own():
    rows, real = (clean(first=first).replace({"label": {"delivery": "0", "refund": "1"}}) for first in (0, 1))
    planted = with_texts(rows, ["It costs 5 euros. (1)", "Take two. (0)"])
    assert len(KINDS["label_leak"].detect(seen_of(planted, real)).rows) == 0
    tagged = with_texts(rows, [f"So it goes.\nLabel: {label}" for label in rows["label"].head(12)])
    assert KINDS["label_leak"].detect(seen_of(tagged, real)).rows.tolist() == list(range(12))


def test_codes_as_labels_are_found_as_whole_words():
    rows, real = (clean(first=first).replace({"label": {"delivery": "c1", "refund": "c12"}}) for first in (0, 1))
    planted = with_texts(rows, ["It is late. (c1)", "Late again. (C12)", "It is a c1234 lamp."])
    assert KINDS["label_leak"].detect(seen_of(planted, real)).rows.tolist() == [0, 1]


# --- copies


def test_only_the_first_of_equal_rows_is_no_copy_and_another_label_is_another_finding():
    rows = with_texts(clean(), ["So it is.", "so it is", "So it is!"])  # delivery, refund, delivery
    seen = seen_of(rows, clean(first=1))
    assert copies.same_text(seen).rows.tolist() == [2]
    assert copies.two_labels(seen).rows.tolist() == [0, 1, 2]
    assert copies.two_labels(seen).note(0) == "with the labels delivery, refund"


def test_copy_of_a_real_row_is_found_whatever_its_punctuation():
    real = clean(first=1)
    rows = with_texts(clean(), [real["text"].iloc[4].upper().replace("?", "")])
    assert copies.copy_of_real(seen_of(rows, real)).rows.tolist() == [0]


def test_near_copies_need_close_vectors_or_close_vectors_and_letters():
    rows = with_texts(
        clean().head(3), ["Can you tell me where my parcel is now?", "Can you tell me where my parcel is?"]
    )
    seen = seen_of(rows, clean(first=1).head(1))

    def linked(cosine, other):
        distances = np.full((4, 1), np.sqrt(2 - 2 * cosine), dtype=np.float32)
        return copies.near_copies(replace(seen, indices=np.array([[other], [0], [0], [0]]), distances=distances)).rows

    assert linked(0.96, 2).tolist() == [1, 2]  # close vectors, whatever the letters
    assert linked(0.89, 2).tolist() == [1]  # the third has other letters
    assert linked(0.5, 2).tolist() == []


def test_what_is_near_a_near_copy_only_is_none():
    rows = clean().head(3)
    seen = replace(
        seen_of(rows, clean(first=1).head(1)),
        indices=np.array([[1], [2], [1], [0]]),
        distances=np.array([[0.1], [0.1], [0.1], [1.4]], dtype=np.float32),
    )
    assert copies.near_copies(seen).rows.tolist() == [1]  # 0 - 1 - 2: without 1, 0 and 2 are far apart


def test_near_copy_of_a_real_row_names_it():
    rows, real = clean().head(2), clean(first=1).head(1)
    seen = replace(
        seen_of(rows, real), indices=np.array([[2], [0], [0]]),
        distances=np.array([[0.1], [1.4], [0.1]], dtype=np.float32),
    )  # fmt: skip
    hits = copies.near_real(seen)
    assert (hits.rows.tolist(), hits.note(0)) == ([0], f"close to: {real['text'].iloc[0]}")


def test_test_rows_with_a_word_changed_are_found_among_synthetic_and_real_rows():
    said = "The parcel with my new kitchen table was left in the pouring rain by your driver on Tuesday"
    test = pd.DataFrame({"text": [said], "text_b": [""], "label": ["delivery"]}, dtype="str")
    rows = with_texts(clean(), [said.replace("Tuesday", "Friday")])
    real = with_texts(clean(first=1), [said.replace("new ", "")])
    assert copies.near_test(seen_of(rows, real, test)).rows.tolist() == [0, len(rows)]


def test_likeness_is_the_share_of_common_shingles():
    one, same, other, half = signatures(
        ["abcdefghijklmnopqrst", "abcdefghijklmnopqrst", "0123456789", "abcdefghijklXYZXYZXYZ"]
    )
    assert likeness(one[None], same[None]) == 1
    assert likeness(one[None], other[None]) == 0
    assert abs(likeness(one[None], half[None])[0] - 8 / (16 + 17 - 8)) < 0.25


# --- what is said of the whole set


def test_stock_openings_are_found_by_counting():
    rows = clean(repeat=3)
    texts = [f"I recently bought a new {text}" for text in rows["text"].head(30)]
    hits = KINDS["opening"].detect(seen_of(with_texts(rows, texts), clean(first=1, repeat=20)))
    assert set(range(30)) <= set(hits.rows.tolist())
    assert '"i recently bought a new' in hits.sentence


def test_cut_texts_of_the_very_same_length_are_found_without_any_word():
    rows = clean(repeat=2)
    cut = [("xy" * 10 + str(i) + "zq" * 40)[:60] for i in range(10)]
    assert set(range(10)) <= set(
        KINDS["truncated"].detect(seen_of(with_texts(rows, cut), clean(first=1))).rows.tolist()
    )


def test_where_some_texts_end_without_a_mark_only_words_that_never_end_one_are_signs_of_a_cut():
    rows = clean(repeat=4)
    rows.loc[::3, "text"] = rows.loc[::3, "text"].str.rstrip(".?!")
    hits = KINDS["truncated"].detect(seen_of(with_texts(rows, CUT[:3]), clean(first=1)))
    assert hits.rows.tolist() == [0, 1, 2]


def test_set_that_never_ends_with_a_mark_has_no_cut_texts():
    rows, real = (clean(first=first).assign(text=lambda each: each["text"].str.rstrip(".?!")) for first in (0, 1))
    assert len(KINDS["truncated"].detect(seen_of(rows, real)).rows) == 0


def test_set_in_another_language_asks_for_a_multilingual_encoder_where_the_encoder_is_english():
    german = seen_of(clean(GERMAN), clean(GERMAN, first=1))
    assert "in German, and the built-in encoder knows English only" in languages.encoder_language(german).sentence
    assert languages.MULTILINGUAL in languages.encoder_language(german).sentence
    assert languages.encoder_language(replace(german, encoder="other")).sentence == ""
    assert languages.encoder_language(seen_of(clean(), clean(first=1))).sentence == ""


def test_language_that_real_rows_have_too_is_no_flaw():
    real = with_texts(clean(first=1, repeat=2), [text.format("die Lampe") for text, _ in GERMAN] * 3)
    rows = with_texts(clean(), [text.format("der Tisch") for text, _ in GERMAN])
    assert len(languages.other_language(seen_of(rows, real)).rows) == 0


def test_shifts_are_told_with_their_size_and_small_ones_are_not():
    real = clean(first=1, repeat=5)
    many = pd.concat([real[real["label"] == "refund"]] * 3 + [real[real["label"] == "delivery"]])
    sentence = shifts.prior_shift(seen_of(many, real)).sentence
    assert sentence.startswith("25% of the synthetic rows would need another label") and "refund 75%" in sentence
    assert shifts.prior_shift(seen_of(real, real)).sentence == ""
    long = real.assign(text=real["text"] * 2)
    assert shifts.length_shift(seen_of(long, real)).sentence.startswith("A synthetic text is longer than a real one")
    assert shifts.length_shift(seen_of(real, long)).sentence.startswith("A synthetic text is shorter than a real one")
    assert shifts.length_shift(seen_of(real, real)).sentence == ""


def test_doubtful_are_labels_that_another_one_beats_by_far():
    rows, real = clean().head(3), clean(first=1).head(1)  # delivery, refund, delivery
    quality = np.log([[0.03, 0.97], [0.5, 0.5], [0.04, 0.96], [0.01, 0.99]])
    hits = judgements.doubtful_labels(seen_of(rows, real, quality=quality))
    assert (hits.rows.tolist(), hits.note(0)) == ([0], "looks like refund (97%), labelled delivery (3.0%)")


def test_labels_that_no_real_row_has_are_not_doubted():
    rows, real = clean().head(2), clean(first=1).head(2)
    quality = np.log([[np.nan, 1.0]] * 4)
    assert judgements.doubtful_labels(seen_of(rows, real, quality=quality)).rows.tolist() == []


def test_texts_beyond_the_encoder_are_counted_in_tokens():
    rows = with_texts(clean(), ["word " * 100, "word " * 50])
    seen = seen_of(rows, clean(first=1), token_counts=lambda texts: (np.array([len(t.split()) for t in texts]), 64))
    hits = judgements.too_long(seen)
    assert (hits.rows.tolist(), hits.note(0)) == ([0], "100 tokens, and the encoder reads 64")


# --- their parts


def test_first_part_is_told_in_characters_of_any_script():
    rows, starts, ends = first_parts(pd.Series(["é日本 (x) (x)", "none", "(x)"], dtype="str"), r"\(x\)")
    assert (rows.tolist(), starts.tolist(), ends.tolist()) == ([0, 2], [4, 0], [7, 3])


@pytest.mark.parametrize(
    ("count", "in_real", "expected"), [(1, 0, True), (5, 1, False), (60, 1, True), (60, 60, False)]
)
def test_unusual_is_what_real_rows_do_far_less_often(count, in_real, expected):
    assert is_unusual(count, 100, in_real, 100) == expected


@pytest.mark.parametrize(
    ("broken", "whole"),
    [("I donâ€™t know", "I don’t know"), ("a &amp; b", "a & b"), ("It\\u2019s", "It’s"), ("a<br/>b", "a b"),
     ("\\ud83d\\ude00 ok", "😀 ok"), ("caf\N{REPLACEMENT CHARACTER}e", "cafe"), ("“fine” – já", "“fine” – já")],
)  # fmt: skip
def test_debris_is_repaired_and_sound_text_stays(broken, whole):
    assert repaired(broken) == whole


def test_examples_tell_row_part_and_note():
    rows = with_texts(clean(), ["It came late. (Delivery)"])
    flaw = flaws(seen_of(rows, clean(first=1)))["label_leak"]
    assert [(each.row, each.part) for each in flaw.examples] == [(0, "(Delivery)")]
    assert (flaw.rows.tolist(), flaw.total, flaw.share) == ([0], len(rows), 1 / len(rows))
    assert flaw.spans.tolist() == [[0, 0, 13, 24]]
