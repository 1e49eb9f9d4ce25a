"""TO_BYTES, FROM_BYTES, ENCODE, CHR, MD5, SHA256 and UUID: text as bytes, bytes as text.

Encodings are hex, utf8, ascii and base64, in any case. TO_BYTES and FROM_BYTES use Java's own
decoders: strict base64 with optional padding, hexadecimal without a prefix and written in capitals.
ENCODE uses Apache Commons Codec: lenient base64 (what is no base64 character is skipped, "=" ends
it), hexadecimal with `0x…` or `x'…'` and written small. Bytes that are no UTF-8, and for ascii all
above 127, read as U+FFFD; characters that ascii lacks are written "?".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from streamsql.functions.registry import GUARDED, ROW, SEED, scalar, signature
from streamsql.functions.rows import by_row, join_halves, read_utf8
from streamsql.schema.duck import literal
from streamsql.schema.text import fail, fail_with, let
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BYTES, STRING, SqlType

_UNKNOWN = "Supported formats are 'hex', 'utf8', 'ascii', and 'base64'"
_UNKNOWN_PAIR = "Supported input and output encodings are: hex, utf8, ascii and base64"


def to_bytes(text: TypedSql, encoding: TypedSql) -> str:
    return _choose(encoding, _decoders(text.sql), BYTES)


def from_bytes(value: TypedSql, encoding: TypedSql) -> str:
    return _choose(encoding, _encoders(value.sql), STRING)


def encode(text: TypedSql, source: TypedSql, target: TypedSql) -> str:
    """From any encoding to any other; ksqlDB refuses one that is the same."""
    if isinstance(source.literal, str) and isinstance(target.literal, str):
        return _encode(text.sql, source.literal.lower(), target.literal.lower())
    names = list(_lenient_decoders(text.sql))
    cases = " ".join(
        f"WHEN {literal(a + b)} THEN {_encode(text.sql, a, b)}"
        for a in names
        for b in names
        if a != b
    )
    pair = f"lower({source.sql} || {target.sql})"
    return f"CASE {pair} {cases} ELSE {fail_with(_UNKNOWN_PAIR, STRING)} END"


def _encode(x: str, source: str, target: str) -> str:
    decoders = _lenient_decoders(x)
    if source == target or source not in decoders or target not in decoders:
        return fail_with(_UNKNOWN_PAIR, STRING)
    return let(decoders[source], lambda b: _lenient_encoders(b)[target])


def _choose(encoding: TypedSql, texts: Mapping[str, str], type_: SqlType) -> str:
    """The text for the encoding that is given; a literal one is chosen now."""
    if isinstance(encoding.literal, str):
        found = texts.get(encoding.literal.lower())
        return found or fail_with(f"Unknown encoding type '{encoding.literal}'. {_UNKNOWN}", type_)
    cases = " ".join(f"WHEN {literal(name)} THEN {sql}" for name, sql in texts.items())
    failed = fail(
        f"'Unknown encoding type ' || {encoding.sql} || {literal('. ' + _UNKNOWN)}", type_
    )
    return f"CASE lower({encoding.sql}) {cases} ELSE {failed} END"


def _decoders(x: str) -> dict[str, str]:
    return {
        "hex": _read_hex(x),
        "utf8": f"encode({x})",
        "ascii": f"encode({_as_ascii(x)})",
        "base64": _read_base64(x),
    }


def _encoders(b: str) -> dict[str, str]:
    return {
        "hex": f"hex({b})",
        "utf8": _read_utf8(b),
        "ascii": _read_ascii(b),
        "base64": f"to_base64({b})",
    }


def _lenient_decoders(x: str) -> dict[str, str]:
    return _decoders(x) | {
        "hex": let(_strip_hex(x), _read_hex),
        "base64": _read_base64_leniently(x),
    }


def _lenient_encoders(b: str) -> dict[str, str]:
    return _encoders(b) | {"hex": f"lower(hex({b}))"}


# ------------------------------------------------------------------ hexadecimal


def _read_hex(x: str) -> str:
    """DuckDB's unhex takes an odd number of digits, Java does not."""
    failed = fail(f"'not hexadecimal: ' || {x}", BYTES)
    digits = f"regexp_full_match({x}, '(?:[0-9A-Fa-f]{{2}})*')"
    return f"CASE WHEN {digits} THEN unhex({x}) ELSE {failed} END"


def _strip_hex(x: str) -> str:
    """`0x` gets a zero where an odd number of digits follows; `x'…'` gets none."""
    return (
        f"CASE WHEN starts_with({x}, '0x') "
        f"THEN CASE WHEN length({x}) % 2 = 1 THEN '0' ELSE '' END || substring({x}, 3) "
        f"WHEN regexp_full_match({x}, '[xX]''.*''') THEN substring({x}, 3, length({x}) - 3) "
        f"ELSE {x} END"
    )


# ------------------------------------------------------------------ base64

_DIGIT = "[A-Za-z0-9+/]"
_STRICT = f"(?:{_DIGIT}{{4}})*(?:{_DIGIT}{{2}}(?:==)?|{_DIGIT}{{3}}=?)?"


def _read_base64(x: str) -> str:
    failed = fail(f"'not base64: ' || {x}", BYTES)
    read = let(f"rtrim({x}, '=')", _pad_base64)
    return f"CASE WHEN regexp_full_match({x}, '{_STRICT}') THEN {read} ELSE {failed} END"


def _read_base64_leniently(x: str) -> str:
    kept = f"regexp_replace(split_part({x}, '=', 1), '[^A-Za-z0-9+/_-]', '', 'g')"
    whole = let(f"translate({kept}, '-_', '+/')", _without_single)
    return let(whole, _pad_base64)


def _without_single(x: str) -> str:
    """A last digit that stands alone has too few bits for a byte."""
    return f"left({x}, length({x}) - CAST(length({x}) % 4 = 1 AS INTEGER))"


def _pad_base64(x: str) -> str:
    return f"from_base64({x} || repeat('=', (4 - length({x}) % 4) % 4))"


# ------------------------------------------------------------------ characters


def _as_ascii(x: str) -> str:
    return f"regexp_replace({x}, '[^\\x00-\\x7F]', '?', 'g')"


def _read_ascii(b: str) -> str:
    # Byte by byte, "41 C3 ": what begins with 8 to F becomes the UTF-8 of U+FFFD.
    spaced = f"regexp_replace(hex({b}), '(..)', '\\1 ', 'g')"
    replaced = f"regexp_replace({spaced}, '[89A-F]. ', 'EFBFBD', 'g')"
    return f"decode(unhex(replace({replaced}, ' ', '')))"


MEND_UTF8 = by_row("streamsql_mend_utf8", ("BLOB",), "VARCHAR", read_utf8)


def _read_utf8(b: str) -> str:
    """The text; U+FFFD for what is no UTF-8, as many as Java writes."""
    kept = f"decode({b}, 'ignore')"
    return let(kept, lambda x: _whole_or(x, b))


def _whole_or(x: str, b: str) -> str:
    return f"CASE WHEN strlen({x}) = octet_length({b}) THEN {x} ELSE {MEND_UTF8.name}({b}) END"


def chr_of_number(n: str) -> str:
    """NULL outside Unicode, "?" for half a character."""
    return (
        f"CASE WHEN {n} BETWEEN 55296 AND 57343 THEN '?' "
        f"WHEN {n} BETWEEN 0 AND 1114111 THEN chr({n}) END"
    )


def chr_of_text(x: str) -> str:
    """The character of `\\u004b`; NULL where the text is shorter or begins otherwise."""
    code = f"CAST('0x' || substring({x}, 3) AS INTEGER)"
    one = f"regexp_full_match({x}, '\\\\u(?:[0-9A-Ca-cEFef][0-9A-Fa-f]|[Dd][0-7])[0-9A-Fa-f]{{2}}')"
    return (
        f"CASE WHEN {one} THEN chr({code}) "
        f"WHEN starts_with({x}, '\\u') AND length({x}) >= 6 THEN {UNESCAPE.name}({x}) END"
    )


_ESCAPE = re.compile(r"\\(u+\+?(.{4})?|[0-3][0-7]{2}|[0-7]{1,2}|.)?", re.DOTALL)
_FOUR = re.compile("[0-9A-Fa-f]{4}")
_CONTROLS = {"b": "\b", "n": "\n", "t": "\t", "f": "\f", "r": "\r"}


def _unescape(text: str) -> str:
    """The text with Java's escapes replaced (Commons' unescapeJava); a lone backslash goes."""
    return join_halves(_ESCAPE.sub(_unescape_one, text))


def _unescape_one(found: re.Match[str]) -> str:
    escape = found[1] or ""
    if escape.startswith("u"):
        if _FOUR.fullmatch(found[2] or "") is None:
            raise ValueError(f"no four hexadecimal digits in {found[0]!r}")
        return chr(int(found[2], 16))
    if escape[:1].isdigit() and escape[0] in "01234567":
        return chr(int(escape, 8))
    return _CONTROLS.get(escape, escape)


UNESCAPE = by_row("streamsql_unescape_java", ("VARCHAR",), "VARCHAR", _unescape)


# ------------------------------------------------------------------ identifiers


def _dash(h: str) -> str:
    """32 hexadecimal digits as an identifier is written."""
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    return " || '-' || ".join(f"substring({h}, {at}, {size})" for at, size in parts)


def identifier_of_bytes(b: str) -> str:
    """NULL unless there are 16."""
    dashed = let(f"lower(hex({b}))", _dash)
    return f"CASE WHEN octet_length({b}) = 16 THEN {dashed} END"


def identifier_of_record() -> TypedSql:
    """A version 4 identifier that is a hash: the same for the same record, whenever it is read."""

    def versioned(h: str) -> str:
        # Digit 13 is the version, the upper bits of digit 17 the variant (RFC 4122).
        variant = f"substring('89ab', 1 + CAST('0x' || substring({h}, 17, 1) AS INTEGER) % 4, 1)"
        digits = f"substring({h}, 1, 12) || '4' || substring({h}, 14, 3) || {variant}"
        return let(f"{digits} || substring({h}, 18, 15)", _dash)

    sql = let(f"md5('identifier {SEED} ' || {ROW})", versioned)
    return TypedSql(sql=sql, type=STRING, columns=frozenset((ROW,)))


ENTRIES = (
    scalar(
        "TO_BYTES",
        signature("STRING, STRING -> BYTES", to_bytes, throws=True, nulls=GUARDED),
        doc="The bytes of a text in an encoding: hex, utf8, ascii or base64.",
        examples=[("TO_BYTES('1aB2', 'hex')", '"GrI="'), ("TO_BYTES('é', 'utf8')", '"w6k="')],
    ),
    scalar(
        "FROM_BYTES",
        signature(
            "BYTES, STRING -> STRING",
            from_bytes,
            throws=True,
            nulls=GUARDED,
            kernels=(MEND_UTF8,),
        ),
        doc="Bytes as text in an encoding: hex, utf8, ascii or base64.",
        examples=[("FROM_BYTES(TO_BYTES('Go', 'utf8'), 'hex')", '"476F"')],
    ),
    scalar(
        "ENCODE",
        signature(
            "STRING, STRING, STRING -> STRING",
            encode,
            throws=True,
            nulls=GUARDED,
            kernels=(MEND_UTF8,),
        ),
        doc="A text in one encoding written in another: hex, utf8, ascii or base64.",
        examples=[
            ("ENCODE('0x476f', 'hex', 'utf8')", '"Go"'),
            ("ENCODE('Go', 'utf8', 'base64')", '"R28="'),
        ],
    ),
    scalar(
        "MD5",
        signature("STRING -> STRING", "md5({0})"),
        doc="The MD5 digest of a text in UTF-8, in hexadecimal.",
        examples=[("MD5('r1')", '"7c92cf1eee8d99cc85f8355a3d6e4b86"')],
    ),
    scalar(
        "SHA256",
        signature("STRING -> STRING", "sha256({0})"),
        signature("BYTES -> STRING", "sha256({0})"),
        doc="The SHA-256 digest of a text in UTF-8 or of bytes, in hexadecimal: a name for a value"
        " that must not be told. ksqlDB has it not.",
        examples=[
            (
                "SHA256('r1')",
                '"82f3e9c695dc6b8d1b11818d5701919e286de8d47f7c3eb3100c485f79e57828"',
            ),
            ("SHA256(CAST(NULL AS STRING))", "null"),
        ],
    ),
    scalar(
        "Chr",
        signature("INTEGER -> STRING", lambda n: let(n.sql, chr_of_number)),
        signature(
            "STRING -> STRING",
            lambda text: let(text.sql, chr_of_text),
            throws=True,
            kernels=(UNESCAPE,),
        ),
        doc="The character of a code point, or of an escape such as \\u004b.",
        examples=[("CHR(75)", '"K"'), ("CHR('\\u597d')", '"好"'), ("CHR('75')", "null")],
    ),
    scalar(
        "UUID",
        signature("-> STRING", identifier_of_record),
        signature("BYTES -> STRING", lambda b: let(b.sql, identifier_of_bytes)),
        doc="An identifier for the record, the same whenever it is read again; or 16 bytes written"
        " as one.",
        examples=[("UUID()", '"0b2f4a1c-7c1e-4d2a-9e55-1f0c3b6a7d88"')],
        varies=True,
    ),
)
