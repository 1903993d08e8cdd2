"""One value of a file -> the text that a person would expect to see."""

import json


def cell_text(value: object) -> str:
    """1.0 and 1 are both "1": a column with missing values turns whole numbers into floats."""
    if isinstance(value, str):
        return value
    if value is None or value != value:  # NaN and NaT differ from themselves
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if abs(value) == float("inf"):
            return "Infinity" if value > 0 else "-Infinity"
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=cell_text)
    return str(value)


def clean_text(text: str) -> str:
    """Without NUL, and with lone surrogates replaced, so that it can be written as UTF-8."""
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", "")
