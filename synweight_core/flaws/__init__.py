"""Flaws of generated rows that can be read off texts, labels and what the preparation computed.

`kinds` is the table of them, each by a small function over `Seen` that gives `Hits`; `examination` runs all of them in
a worker and reads the result again; `stripping` makes a project without a flaw. Nothing here changes a row by itself.
"""
