"""Reader of .parquet: types become plain texts, and files that unpack to too much are refused."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synweight_core.tables.cells import cell_text, clean_text
from synweight_core.tables.source import RawTable, Source

# What the library raises on broken bytes; found by fuzzing, see test_mangled_*.
BROKEN_PARQUET = (pa.ArrowException, OSError, ValueError)


def read_parquet(source: Source) -> RawTable:
    """All columns, nested ones as JSON. Raises DataError."""
    try:
        return _parquet_columns(source)
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except BROKEN_PARQUET as error:
        if "Exceeded size limit" in str(error):
            source.check_size(0, 10**9)
        raise source.error(
            "is not a readable Parquet file", "It may be cut off or damaged: export it again."
        ) from error


def _parquet_columns(source: Source) -> RawTable:
    # The limit on lists in the footer refuses a hostile schema before it is built.
    with pq.ParquetFile(source.path, thrift_container_size_limit=100_000) as file:
        meta = file.metadata
        source.check_size(meta.num_rows, meta.num_columns)
        expanded = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        source.check_expanded(expanded)
        source.check_ratio(expanded, packed=source.path.stat().st_size)
        leaves = [file.schema.column(i) for i in range(meta.num_columns)]
        names = [str(name) for name in file.schema_arrow.names]
    _check_depth(source, max((leaf.path.count(".") for leaf in leaves), default=0))
    # A dictionary of one huge value, repeated, is a bomb: keep it folded until it is measured.
    folded = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    chunks: list[list[pa.Array]] = [[] for _ in names]
    expanded = 0
    batch_size = 16_384 if len(leaves) == len(names) else 256  # nested values are not measured before
    with pq.ParquetFile(source.path, read_dictionary=folded) as file:
        for batch in file.iter_batches(batch_size=batch_size):
            for chunk, column in zip(chunks, batch.columns, strict=True):
                source.check_expanded(expanded + _unfolded_bytes(column))
                chunk.append(_arrow_text(column))
                expanded += chunk[-1].nbytes
                source.check_expanded(expanded)
    return RawTable(names, [pa.chunked_array(chunk, pa.large_string()) for chunk in chunks])


def _check_depth(source: Source, depth: int) -> None:
    if depth > source.limits.max_depth:
        raise source.error(
            f"has values nested {depth:,} deep, and at most {source.limits.max_depth} levels are expected",
            "Keep only columns of plain values.",
        )


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    )  # fmt: skip


def _unfolded_bytes(column: pa.Array) -> int:
    if not (pa.types.is_dictionary(column.type) and _is_binary(column.type.value_type)):
        return int(column.nbytes)
    return int(pc.sum(pc.take(pc.binary_length(column.dictionary), column.indices)).as_py() or 0)


def _arrow_text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        # 64-bit offsets first: unfolding may pass the 2 GB that 32-bit ones can hold.
        kind = pa.large_string() if _is_binary(column.type.value_type) else None
        texts = _arrow_text(column.dictionary) if kind else column.dictionary
        return _arrow_text(pc.take(texts, column.indices))
    if _is_binary(column.type):
        column = column.cast(pa.large_binary())
    exact = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_temporal, pa.types.is_decimal)
    if _is_binary(column.type) or any(is_kind(column.type) for is_kind in exact):
        try:
            return column.cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass  # bytes that are not UTF-8, or a type without text: one value at a time
    return pa.array([clean_text(cell_text(value)) for value in column.to_pylist()], pa.large_string())
