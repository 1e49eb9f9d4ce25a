"""NONE: no columns. What bytes there are is not looked at, and none are written."""

from __future__ import annotations

from collections.abc import Sequence

from streamsql.errors import StatementError
from streamsql.formats.format import KEY, Decode, Encode, FormatOptions
from streamsql.schema.column import Column


class NoneFormat:
    """The format of a side without columns."""

    @property
    def name(self) -> str:
        return "NONE"

    @property
    def configs(self) -> frozenset[str]:
        return frozenset()

    def check(self, columns: Sequence[Column], options: FormatOptions) -> None:
        if columns:
            mark = " KEY" if options.side == KEY else ""
            listed = ", ".join(f"{c}{mark}" for c in columns)
            raise StatementError(
                f"The 'NONE' format can only be used when no columns are defined. Got: [{listed}]"
            )

    def decode(
        self,
        source: str,
        columns: Sequence[Column],
        options: FormatOptions,
        *,
        wanted: Sequence[str],
    ) -> Decode:
        return Decode(stages=(), columns=())

    def encode(
        self,
        columns: Sequence[Column],
        values: Sequence[str],
        options: FormatOptions,
        *,
        target: str,
    ) -> Encode:
        return Encode(sql="NULL::BLOB")


FORMAT = NoneFormat()
