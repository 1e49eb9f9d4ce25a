"""Values of every type as DuckDB texts: the ends of their ranges, the odd ones, and NULL."""

from __future__ import annotations

from streamsql.schema import types as t

TEXTS: dict[t.SqlType, tuple[str, ...]] = {
    t.BOOLEAN: ("true", "false"),
    t.INTEGER: ("0", "1", "-1", "2147483647", "-2147483648"),
    t.BIGINT: ("0", "-5", "9223372036854775807", "'-9223372036854775808'::BIGINT"),
    t.DOUBLE: (
        *("0", "1.5", "-1.5", "0.1", "1e10", "1.5e300", "-1.5e-7", "0.001", "0.00099", "9999999.5"),
        *("10000000", "12345678.9", "1e22", "1e23", "5e-324", "1e-323", "1.7976931348623157e308"),
        *("'nan'", "'inf'", "'-inf'", "100", "123456.789", "2e-5", "0.1 + 0.2"),
    ),
    t.STRING: (
        *("'abc'", "''", "' '", "'a b'", "'a,b'", "'a\"b'", "'\"'", "'\"quoted\"'", "'-1'", "'#x'"),
        *("'é日本'", "'a' || chr(10) || 'b'", "chr(13)", "chr(9) || 'x'", "chr(1) || chr(31)"),
        *(r"'back\slash'", "'null'", "'true'", "'1.50'", "'x '", "chr(127)", "'😀'", "'a;b|c'"),
    ),
    t.BYTES: ("''::BLOB", "'{'::BLOB", r"'\x00\xFF'::BLOB", "'abc'::BLOB"),
    t.DATE: ("DATE '1970-01-01'", "DATE '1969-12-01'", "DATE '2024-02-29'", "DATE '0001-01-01'"),
    t.TIME: ("TIME '00:00:00'", "TIME '23:59:59.999'", "TIME '00:00:00.010'", "TIME '24:00:00'"),
    t.TIMESTAMP: (
        *("TIMESTAMP '1970-01-01'", "TIMESTAMP '1969-12-31 23:59:59.999'"),
        *("TIMESTAMP '2024-02-29 12:00:00.001'", "TIMESTAMP '9999-12-31 23:59:59.999'"),
    ),
    t.Decimal(6, 4): ("0", "10", "-99.9999", "0.0001", "1.5"),
    t.Decimal(38, 10): ("0", "0.0000001", "-0.0000000001", "1234567890123456789012345678.5"),
    t.Decimal(18, 0): ("0", "-999999999999999999"),
    t.Decimal(3, 3): ("0.5", "-0.999", "0"),
}
_INNER = t.Struct((t.Field("F0", t.DOUBLE), t.Field("f1", t.BYTES), t.Field("T", t.TIMESTAMP)))
NESTED: dict[t.SqlType, tuple[str, ...]] = {
    t.Array(t.BIGINT): ("[]", "[1, NULL, -3]"),
    t.Array(t.DATE): ("[]", "[DATE '1970-01-02', NULL]"),
    t.Array(t.DOUBLE): ("['nan'::DOUBLE, 1e10, NULL, -0.5]",),
    t.Array(t.Decimal(6, 4)): ("[1.5, NULL, 0.0001]",),
    t.Array(t.Array(t.STRING)): ("[['a', NULL], [], NULL]",),
    t.Map(t.STRING, t.BYTES): ("MAP {}", "MAP {'k': '{'::BLOB, 'a\"b': NULL}"),
    t.Map(t.STRING, t.Array(t.INTEGER)): ("MAP {'x': [1], '': NULL, 'y': []}",),
    _INNER: (
        "{'F0': 1e-7, 'f1': 'a'::BLOB, 'T': TIMESTAMP '2024-01-01'}",
        "{'F0': NULL, 'f1': NULL, 'T': NULL}",
    ),
    t.Array(_INNER): ("[{'F0': 2.5, 'f1': NULL, 'T': NULL}, NULL]",),
    t.Struct((t.Field("A", t.Array(t.TIME)), t.Field("S", t.Struct((t.Field("X", t.DATE),))))): (
        "{'A': [TIME '12:00:00'], 'S': {'X': DATE '2000-01-01'}}",
        "{'A': NULL, 'S': NULL}",
    ),
}


def name_of(type_: t.SqlType) -> str:
    """A type as a test's id."""
    return str(type_).replace(" ", "").replace("`", "")
