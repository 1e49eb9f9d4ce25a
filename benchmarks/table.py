"""Results as text for people: one line each, with the ratio to the floor of the same query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["format_kafka_table", "format_table"]

Result = Mapping[str, object]

_HEADINGS = (
    *("query", "engine", "mode", "in", "out", "seconds", "records/s", "CPU s", "CPU s/M"),
    *("× floor", "RSS MB", "result"),
)
_KAFKA_HEADINGS = (
    *("query", "engine", "mode", "guarantee", "parts", "in", "out", "records/s", "start CPU s"),
    *("CPU s/M", "× consume", "RSS MB", "result"),
)
_TEXT_COLUMNS = (0, 1, 2, 11)


def format_table(results: Sequence[Result]) -> str:
    """The table. `× floor`: CPU time over that of floor-log; `result`: whether the digest is that
    of floor-duckdb, for streamsql."""
    rows = [_row(result, results) for result in results]
    return _lines(_HEADINGS, rows, left=_TEXT_COLUMNS)


def format_kafka_table(results: Sequence[Result]) -> str:
    """The table of runs on Kafka. `CPU s/M` and `records/s` are without the start; `× consume`: CPU
    time over that of reading the records; `result`: whether the digest is DuckDB's batch's."""
    rows = [_kafka_row(result) for result in results]
    return _lines(_KAFKA_HEADINGS, rows, left=(0, 1, 2, 3, 12))


def _lines(headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int]) -> str:
    table = [headings, *rows]
    widths = [max(len(row[place]) for row in table) for place in range(len(headings))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def _kafka_row(result: Result) -> tuple[str, ...]:
    seconds, start, records = (
        float(result[name]) for name in ("seconds", "start_seconds", "records_in")
    )
    return (
        *(str(result[name]) for name in ("query", "engine", "mode", "guarantee", "partitions")),
        f"{records:,.0f}",
        f"{result['records_out']:,}",
        f"{records / max(seconds - start, 0.001):,.0f}",
        f"{result['start_cpu_seconds']:.2f}",
        f"{result['cpu_seconds_per_million']:.2f}",
        f"{result['times_consume']:.2f}",
        f"{result['peak_rss_mb']:,.0f}",
        "right" if result["right"] else "DIFFERS",
    )


def _row(result: Result, results: Sequence[Result]) -> tuple[str, ...]:
    records, seconds, cpu = (
        float(result[name]) for name in ("records_in", "seconds", "cpu_seconds")
    )
    log = _floor(result, results, "floor-log")
    batch = _floor(result, results, "floor-duckdb")
    agrees = ""
    if result["engine"] == "streamsql" and batch:
        agrees = "right" if batch["digest"] == result["digest"] else "DIFFERS"
    return (
        *(str(result[name]) for name in ("query", "engine", "mode")),
        f"{records:,.0f}",
        f"{result['records_out']:,}",
        f"{seconds:.2f}",
        f"{records / seconds:,.0f}",
        f"{cpu:.2f}",
        f"{cpu / records * 1e6:.2f}",
        f"{cpu / float(log['cpu_seconds']):.2f}" if log else "",
        f"{result['peak_rss_mb']:,.0f}",
        agrees,
    )


def _floor(result: Result, results: Sequence[Result], engine: str) -> Result | None:
    same = (one for one in results if one["query"] == result["query"])
    return next((one for one in same if one["engine"] == engine), None)
