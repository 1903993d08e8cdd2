"""Short programs, as text, that train with the exported weights. Tests run them; the app only shows them.

Each reads `weights.parquet` in the current folder. Rows of weight 0 (excluded, or filtered out) are left out. Where
soft targets are in use, a row teaches the shares of its `target:` columns, else its label.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SKLEARN = """\
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

rows = pd.read_parquet("weights.parquet").query("weight > 0")
texts = (rows["text"] + " " + rows["text_b"]).str.strip()
soft = rows.filter(regex="^target:").rename(columns=lambda name: name.removeprefix("target:"))
taught = (soft if len(soft.columns) else pd.get_dummies(rows["label"], dtype=float)).stack()
taught = taught[taught > 0]  # one part for each row and label that it teaches
row, label = taught.index.get_level_values(0), taught.index.get_level_values(1)
model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
model.fit(texts[row], label, logisticregression__sample_weight=taught.to_numpy() * rows["weight"][row].to_numpy())
print(model.predict(texts[:3]))
"""

TRAINER = """\
import pandas as pd
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

NAME = "sentence-transformers/all-MiniLM-L6-v2"
rows = pd.read_parquet("weights.parquet").query("weight > 0")
soft = rows.filter(regex="^target:").rename(columns=lambda name: name.removeprefix("target:"))
taught = soft if len(soft.columns) else pd.get_dummies(rows["label"], dtype=float)
labels, tokenizer = list(taught.columns), AutoTokenizer.from_pretrained(NAME)
model = AutoModelForSequenceClassification.from_pretrained(NAME, id2label=dict(enumerate(labels)))
train = [{**tokenizer(row.text, row.text_b or None, truncation=True),
          "labels": shares, "weight": row.weight}
         for row, shares in zip(rows.itertuples(), taught.to_numpy(dtype="float32").tolist(), strict=True)]

class WeightedTrainer(Trainer):
    def compute_loss(self, model, inputs, **_):
        weight, shares = inputs.pop("weight"), inputs.pop("labels")
        return (weight * cross_entropy(model(**inputs).logits, shares, reduction="none")).mean()

options = TrainingArguments("model", remove_unused_columns=False)
WeightedTrainer(model, options, train_dataset=train, processing_class=tokenizer).train()
"""


@dataclass(frozen=True)
class Snippet:
    """One row of SNIPPETS."""

    label: str
    file_name: str
    code: str


SNIPPETS: Mapping[str, Snippet] = {
    "sklearn": Snippet("scikit-learn", "train_sklearn.py", SKLEARN),
    "trainer": Snippet("Hugging Face Trainer", "train_transformers.py", TRAINER),
}
