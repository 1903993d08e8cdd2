"""A backbone whose training step takes a millisecond: what is measured or tested is then everything around it."""

from pathlib import Path

SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


def make_tiny_backbone(folder: Path) -> str:
    """Write a BERT of one small layer, dropout included, and MiniLM's tokenizer into `folder`; its name."""
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, set_seed

    from synweight_core.models import MINILM, model_source

    tokenizer = AutoTokenizer.from_pretrained(model_source(MINILM), local_files_only=True)
    set_seed(0)
    BertForSequenceClassification(BertConfig(vocab_size=len(tokenizer), **SIZES)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
