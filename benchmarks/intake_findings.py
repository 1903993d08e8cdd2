"""Precision and recall of the findings in texts, on defects of public sets and on constructed ones.

Truths: the demo's `planted` column (read here only, to judge), the tags of hypo_l, the rows of atis_intent that stand
in its test rows, the chat fragments of dirty_pool; and defects that a seeded program plants into rows of several sets.
There, a row that the detector names without any planting too counts neither way: the sets have flaws of their own.

Stand-alone: `python benchmarks/intake_findings.py --data FOLDER` prints the table.
"""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synweight_core import cache, prepare, projects
from synweight_core.findings import normalised
from synweight_core.flaws.kinds import KINDS
from synweight_core.flaws.seen import Seen, seen

SEED = 8
PLANTED = 60
SETS = ("demo", "tweet_sentiment", "hypo_l", "atis_intent", "finance_sentiment", "sst2", "emotion")
REAL_ROWS = {"emotion": "real_large", "finance_sentiment": "real_large", "hypo_l": "real_large", "sst2": "real_large",
             "tweet_sentiment": "real_test", "atis_intent": "real_test"}  # fmt: skip
REAL_AT_MOST = 5_000
TEXT_KINDS = ("label_leak", "template", "talk", "placeholder", "list", "truncated", "language", "debris", "opening",
              "marks")  # fmt: skip
ROWS = 2_000  # of a set that defects are planted into

FOREIGN = (
    "Je n'ai toujours pas reçu mon colis et personne ne me répond.",
    "Pouvez-vous me rembourser le plus vite possible ?",
    "Le livreur a laissé le paquet sous la pluie devant la porte.",
    "Ich warte seit zwei Wochen auf mein Paket.",
    "Bitte überweisen Sie mir den Betrag auf mein Konto zurück.",
    "Die Jacke passt mir leider überhaupt nicht.",
    "No he recibido mi pedido y ya han pasado tres semanas.",
    "Quiero devolver estos zapatos porque me quedan pequeños.",
    "¿Podrían decirme cuándo llegará mi paquete, por favor?",
    "Non ho ancora ricevuto il mio ordine di due settimane fa.",
    "Vorrei restituire questa giacca perché è troppo grande.",
    "Het pakket is nog steeds niet aangekomen bij mij thuis.",
    "Ik wil graag mijn geld terug voor deze bestelling.",
    "Ainda não recebi a minha encomenda e ninguém responde.",
    "Gostaria de devolver este casaco porque é muito grande.",
    "Nie dostałem jeszcze paczki, a minęły już dwa tygodnie.",
    "Посылка до сих пор не пришла, верните мне деньги.",
    "Я хочу вернуть эту куртку, она мне мала.",
    "我的包裹还没有到，请帮我查一下。",
    "这件衣服太小了，我想退货。",
    "荷物がまだ届いていないのですが。",
    "返品したいのですが、どうすればいいですか。",
    "아직 택배를 받지 못했습니다. 확인해 주세요.",
    "Paketim hâlâ gelmedi, lütfen yardım edin.",
    "Mitt paket har fortfarande inte kommit fram till mig.",
    "Pakkeni on edelleen matkalla eikä kukaan vastaa minulle.",
    "Ο πελάτης δεν έλαβε ακόμη το δέμα του.",
    "لم يصل الطرد حتى الآن وأريد استرداد أموالي.",
)
TALKED = (
    "As an AI language model, I do not have personal opinions.",
    "Here are ten examples of the category {label}:",
    "Sure! Here are some more {label} texts:",
    "Certainly! Below is a list of varied sentences.",
    "I hope these examples are helpful!",
    "Let me know if you need more examples.",
    "I'm sorry, but I cannot generate that.",
    "Here is a rephrased version of the sentence:",
    "These examples cover a wide range of situations.",
    "Would you like me to generate more variations?",
    "Note: the sentences above are fictional.",
    "Als KI-Sprachmodell habe ich keine Meinung dazu.",
    "Hier sind fünf weitere Beispiele für Nachrichten:",
    "En tant qu'IA, je ne peux pas faire cela.",
    "Voici dix exemples de messages de clients :",
    "Como modelo de lenguaje, no puedo opinar.",
    "Aquí tienes diez ejemplos de mensajes:",
    "Ecco dieci esempi di messaggi:",
    "Aqui estão dez exemplos de mensagens:",
    "作为一个AI语言模型，我没有个人观点。",
    "以下是十个示例句子：",
    "Вот десять примеров сообщений:",
)

_Plant = Callable[[str, str, np.random.Generator], str]  # text, label, random -> text


def precision_and_recall(data: Path) -> dict[str, dict[str, Any]]:
    """The table: for each finding and set how many rows are flawed, how many were found, precision and recall.

    `data` holds a folder a set with synthetic, real_train and real_test as JSON lines. The demo's vectors are computed
    in the workspace in use, where they are not there yet.
    """
    return _of_demo() | _of_sets(data) | _constructed(data) | false_alarms(data)


def false_alarms(data: Path) -> dict[str, dict[str, Any]]:
    """How many rows each kind names when real rows stand in the place of the synthetic ones: nearly none should be.

    Copies are left out, as real rows have them, and so is all that needs vectors.
    """
    found = {}
    for name, file in REAL_ROWS.items():
        folder = data / name
        held, known = (pd.read_json(folder / f"{each}.jsonl", lines=True, dtype=str) for each in (file, "real_train"))
        rows = _of_texts(held[~held["text"].isin(set(known["text"]))].head(REAL_AT_MOST), known, known.head(0))
        named = {kind: int(_mask(rows, kind).sum()) for kind in TEXT_KINDS}
        found[f"named among real rows: {name}"] = {"rows": rows.n} | {kind: k for kind, k in named.items() if k}
    return found


def figures(found: np.ndarray, truth: np.ndarray, *, left_out: np.ndarray | None = None) -> dict[str, Any]:
    """Precision and recall of row masks [n], without the rows that count neither way."""
    counted = np.ones(len(truth), dtype=bool) if left_out is None else ~left_out | truth
    hits = int((found & truth & counted).sum())
    n_found, n_true = int((found & counted).sum()), int((truth & counted).sum())
    return {
        "flawed": n_true, "found": n_found, "precision": round(hits / n_found, 3) if n_found else None,
        "recall": round(hits / n_true, 3) if n_true else None,
    }  # fmt: skip


def _of_demo() -> dict[str, dict[str, Any]]:
    project = projects.demo_project()
    prepare.prepare(project, lambda event: None)
    dataset = projects.load_dataset(project)
    stored = {name: cache.load(name, prepare.cache_key(project, name)) or {} for name in ("graph", "checkers")}
    rows = seen(dataset, graph=stored["graph"], quality=stored["checkers"]["quality"], encoder=project.encoder)
    planted = dataset.synthetic["upload:planted"].to_numpy()
    near = _near_copies(rows, planted == "near_duplicate")
    return {
        "generator's talk and lists: demo": figures(
            _mask(rows, "talk") | _mask(rows, "list"), planted == "boilerplate"
        ),
        "near copies: demo": near,
        "doubtful labels: demo": figures(
            _mask(rows, "doubtful_label"), planted == "mislabelled", left_out=planted == "off_topic"
        ),
        **_too_long(rows),
    }


def _near_copies(rows: Seen, planted: np.ndarray) -> dict[str, Any]:
    """A copy is found where it or the row beside it is named; a named row is right where one of both is planted."""
    hits = KINDS["near_copy"].detect(rows)
    texts = rows.synthetic["text"].tolist()
    places = {f"close to: {text}": row for row, text in enumerate(texts)}
    partners = [places[hits.note(i)] for i in range(len(hits.rows))]
    involved = {row for pair in zip(hits.rows.tolist(), partners, strict=True) for row in pair}
    right = sum(planted[row] or planted[other] for row, other in zip(hits.rows.tolist(), partners, strict=True))
    return {
        "flawed": int(planted.sum()), "found": len(partners), "precision": round(right / max(len(partners), 1), 3),
        "recall": round(len(involved & set(np.flatnonzero(planted).tolist())) / planted.sum(), 3),
    }  # fmt: skip


def _too_long(rows: Seen) -> dict[str, dict[str, Any]]:
    """Rows of the demo joined until they have 300 words each, among those that are as they were."""
    random = np.random.default_rng(SEED)
    places = random.choice(rows.n, PLANTED, replace=False)
    texts = rows.synthetic["text"].tolist()
    for place in places.tolist():
        while len(texts[place].split()) < 300:
            texts[place] += " " + texts[random.integers(rows.n)]
    return {"longer than the encoder reads: planted in demo": figures(
        _mask(_with_texts(rows, texts), "too_long"), np.isin(np.arange(rows.n), places))}  # fmt: skip


def _of_sets(data: Path) -> dict[str, dict[str, Any]]:
    hypo = _read(data, "hypo_l")
    tag = re.compile(r"\([^()]*hyperbol[^()]*\)\W*$", re.IGNORECASE)
    tagged = np.array([bool(tag.search(text)) for text in hypo.synthetic["text"]])
    atis = projects.project_from_files(
        *(data / "atis_intent" / f"{name}.jsonl" for name in ("synthetic", "real_train", "real_test")), name="atis"
    )
    left_out = projects.load_dataset(atis).dropped
    leaked = left_out[left_out["reason"] == "stands in test"]
    raw = _read(data, "atis_intent")
    test = set(normalised(raw.test["text"]))
    truth = pd.concat([raw.synthetic["text"], raw.real["text"]])
    truth = truth[normalised(truth).isin(test)]
    found = {
        "label in the text: hypo_l": figures(_mask(hypo, "label_leak"), tagged),
        "stands in test: atis_intent": {
            "flawed": len(truth), "found": len(leaked), "precision": float(leaked["text"].isin(set(truth)).mean()),
            "recall": float(truth.isin(set(leaked["text"])).mean()),
        },
    }  # fmt: skip
    if (data / "dirty_pool").exists():
        pool = _read(data, "dirty_pool", real="tweet_sentiment")
        texts = pool.synthetic["text"]
        fragments = texts.str.contains("<|", regex=False) | texts.str.contains("|>", regex=False)
        fragments |= texts.str.contains("of_turn>", regex=False)
        found["chat template: dirty_pool"] = figures(_mask(pool, "template"), fragments.to_numpy())
    return found


def _constructed(data: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name in SETS:
        rows = _demo_texts() if name == "demo" else _read(data, name)
        for title, (kind, plant) in _PLANTS.items():
            found[f"{title}: planted in {name}"] = _planted(rows, kind, plant)
    return found


def _planted(rows: Seen, kind: str, plant: _Plant) -> dict[str, Any]:
    random = np.random.default_rng(SEED)
    places = np.sort(random.choice(rows.n, PLANTED, replace=False))
    texts = rows.synthetic["text"].tolist()
    labels = rows.synthetic["label"].tolist()
    for place in places.tolist():
        texts[place] = plant(texts[place], labels[place], random)
    truth = np.isin(np.arange(rows.n), places)
    return figures(_mask(_with_texts(rows, texts), kind), truth, left_out=_mask(rows, kind))


def _cut(text: str, label: str, random: np.random.Generator) -> str:
    return text[: max(int(len(text) * random.uniform(0.4, 0.95)), 10)].rstrip()


def _tagged(text: str, label: str, random: np.random.Generator) -> str:
    word = label.replace("_", " ")
    forms = (f"{text} ({word.title()})", f"{text} [{word}]", f"{word.upper()}: {text}", f"{text}\nLabel: {word}",
             f"{text} - {word}", f"Sentiment: {word}. {text}")  # fmt: skip
    return forms[random.integers(len(forms))]


def _templated(text: str, label: str, random: np.random.Generator) -> str:
    forms = (f"{text}<|im_end|>", f"<|user|>{text}", f"[INST] {text} [/INST]", f"### Response: {text}", f"{text}</s>",
             f"<start_of_turn>model {text}", f"Assistant: {text}")  # fmt: skip
    return forms[random.integers(len(forms))]


def _broken(text: str, label: str, random: np.random.Generator) -> str:
    wrong = f"{text} It’s “fine” – déjà vu…".encode().decode("cp1252", "replace")
    forms = (wrong, f"{text} Tom &amp; Jerry", f"{text} It&#39;s fine.", f"{text}<br>Thanks.",
             f"{text} It\\u2019s fine.", f"{text} caf\N{REPLACEMENT CHARACTER}")  # fmt: skip
    return forms[random.integers(len(forms))]


def _listed(text: str, label: str, random: np.random.Generator) -> str:
    return f"1. {text} 2. {text[::-1].title()} 3. And so it goes on."


def _one_of(texts: Sequence[str]) -> _Plant:
    return lambda text, label, random: texts[random.integers(len(texts))].format(label=label)


def _slotted(text: str, label: str, random: np.random.Generator) -> str:
    forms = ("Hello [Name], ", "At [Company Name]: ", "Dear {customer_name}, ", "[insert product here]: ")
    return forms[random.integers(len(forms))] + text


def _opened(text: str, label: str, random: np.random.Generator) -> str:
    return f"I am writing to you today because I must say: {text}"


def _marked(text: str, label: str, random: np.random.Generator) -> str:
    forms = (f"{random.integers(1, 60)}. {text}", f"- {text}", f"• {text}")
    return forms[random.integers(len(forms))]


_PLANTS: dict[str, tuple[str, _Plant]] = {
    "cut off": ("truncated", _cut),
    "label in the text": ("label_leak", _tagged),
    "chat template": ("template", _templated),
    "generator's talk": ("talk", _one_of(TALKED)),
    "several items": ("list", _listed),
    "slots": ("placeholder", _slotted),
    "another language": ("language", _one_of(FOREIGN)),
    "debris": ("debris", _broken),
    "list marks": ("marks", _marked),
    "stock opening": ("opening", _opened),
}


def _mask(rows: Seen, kind: str) -> np.ndarray:
    """Which synthetic rows have this flaw. bool [n]"""
    found = KINDS[kind].detect(rows).rows
    mask = np.zeros(rows.n, dtype=bool)
    mask[found[found < rows.n]] = True
    return mask


def _with_texts(rows: Seen, texts: Sequence[str]) -> Seen:
    return replace(rows, synthetic=rows.synthetic.assign(text=pd.Series(list(texts), dtype="str")))


def _demo_texts() -> Seen:
    frames = [
        pd.read_csv(projects.DEMO_FOLDER / f"{name}.csv", dtype=str, keep_default_na=False)
        for name in ("synthetic", "real", "real_test")
    ]
    frames[0] = frames[0][frames[0]["planted"] == ""]
    return _of_texts(*frames)


def _read(data: Path, name: str, *, real: str | None = None) -> Seen:
    folders = (data / name / "synthetic", *(data / (real or name) / each for each in ("real_train", "real_test")))
    synthetic, known, test = (pd.read_json(f"{path}.jsonl", lines=True, dtype=str) for path in folders)
    if real is None:
        synthetic = synthetic.sample(min(ROWS, len(synthetic)), random_state=SEED) if name != "hypo_l" else synthetic
    return _of_texts(synthetic, known, test)


def _of_texts(*frames: pd.DataFrame) -> Seen:
    """Texts alone: no vectors, so that no detector that needs them may be asked."""
    synthetic, real, test = (
        frame[["text", "label"]].astype("str").assign(text_b="").reset_index(drop=True) for frame in frames
    )
    nothing = np.zeros((0, 1))
    names = tuple(sorted(set(real["label"]) | set(synthetic["label"])))
    return Seen(synthetic, real, test, names, nothing, nothing, nothing)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    for line, found in precision_and_recall(parser.parse_args().data).items():
        print(f"{line:55} {json.dumps(found)}")
