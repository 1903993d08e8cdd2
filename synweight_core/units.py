"""Numbers with a unit, as people say them: bytes and seconds. Pure text."""

_SIZES = ("bytes", "KB", "MB", "GB", "TB")


def size(n_bytes: float) -> str:
    """Bytes in words, in steps of 1,000: "512 bytes", "1.2 MB"."""
    power = 0
    while n_bytes >= 999.5 and power < len(_SIZES) - 1:
        n_bytes, power = n_bytes / 1000, power + 1
    return f"{n_bytes:.1f} {_SIZES[power]}" if power else f"{n_bytes:.0f} {_SIZES[0]}"


def duration(seconds: float) -> str:
    """Seconds in words, never finer than is of use: "8 s", "3 min 20 s", "2 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def share(done: float, total: float) -> float:
    """How much of a whole is done, from 0 to 1; 0 where the whole is not known."""
    return min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
