"""Text from files and people, shown letter by letter where Streamlit reads Markdown."""

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&])")
# Streamlit makes links of bare addresses, escaped or not: an invisible word joiner inside keeps them text
_ADDRESSES = re.compile(r"(?i)(?<=http)(?=s?:)|(?<=www)(?=\.)|(?=@)")
_WORD_JOINER = "\u2060"


def plain(text: object) -> str:
    """Text from files or people, so that Markdown shows it letter by letter."""
    return _MARKDOWN.sub(r"\\\1", _ADDRESSES.sub(_WORD_JOINER, " ".join(str(text).split())))
