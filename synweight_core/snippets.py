"""Short programs, as text, that train with the exported weights. Tests run them; the app only shows them.

Each reads `weights.parquet` in the current folder. Rows of weight 0 (excluded, or filtered out) are left out.
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
model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
model.fit(texts, rows["label"], logisticregression__sample_weight=rows["weight"])
print(model.predict(texts[:3]))
"""

TRAINER = """\
import pandas as pd
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

NAME = "sentence-transformers/all-MiniLM-L6-v2"
rows = pd.read_parquet("weights.parquet").query("weight > 0")
labels, tokenizer = sorted(set(rows["label"])), AutoTokenizer.from_pretrained(NAME)
model = AutoModelForSequenceClassification.from_pretrained(NAME, id2label=dict(enumerate(labels)))
train = [{**tokenizer(row.text, row.text_b or None, truncation=True),
          "labels": labels.index(row.label), "weight": row.weight} for row in rows.itertuples()]

class WeightedTrainer(Trainer):
    def compute_loss(self, model, inputs, **_):
        weight, logits = inputs.pop("weight"), model(**inputs).logits
        return (weight * cross_entropy(logits, inputs["labels"], reduction="none")).mean()

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
