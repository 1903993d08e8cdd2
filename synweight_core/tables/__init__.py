"""An uploaded file -> a plain table of strings, safe against hostile input, with plain messages.

Values stay text: '007', 'NA' and '1e5' mean what the person typed. This package knows nothing of
labels, sources or splits (see data.py), and never unpickles, evaluates or fetches anything.
"""

from synweight_core.tables.apart import read_apart
from synweight_core.tables.reading import READERS, read_table
from synweight_core.tables.source import Limits, Table

__all__ = ["READERS", "Limits", "Table", "read_apart", "read_table"]
