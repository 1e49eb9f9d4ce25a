"""Sets of characters and escapes of java.util.regex: `[a-z&&[^b]]`, `\\p{L}`, `\\x41`, `\\h`."""

from __future__ import annotations

import re
import unicodedata

from streamsql.functions import charset
from streamsql.functions.charset import Ranges
from streamsql.functions.regex_cursor import Cursor, Unsupported

_SIMPLE = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}


def fold(cursor: Cursor, ranges: Ranges) -> Ranges:
    """The set with its other cases, where the flags ask for it."""
    if not cursor.flags.i:
        return ranges
    return charset.fold_unicode(ranges) if cursor.flags.u else charset.fold_ascii(ranges)


def read_set(cursor: Cursor) -> Ranges:
    """The set after its `[`, up to and with its `]`."""
    negative = cursor.peek() == "^"
    if negative:
        cursor.at += 1
    found = _items(cursor)
    if cursor.peek() != "]":
        raise cursor.fail("unclosed character class")
    cursor.at += 1
    return charset.negate(found) if negative else found


def _items(cursor: Cursor) -> Ranges:
    found: Ranges | None = None
    while True:
        char = cursor.peek()
        if not char:
            raise cursor.fail("unclosed character class")
        if char == "]" and found is not None:
            return found
        if char == "&" and cursor.text.startswith("&&", cursor.at):
            cursor.at += 2
            found = _intersection(cursor, found)
            continue
        if char == "[":
            cursor.at += 1
            item = read_set(cursor)
        else:
            item = _range(cursor)
        found = item if found is None else charset.union(found, item)


def _intersection(cursor: Cursor, left: Ranges | None) -> Ranges:
    """What stands after `&&`, up to the next `&&` or the end, met with what stands before."""
    right: Ranges | None = None
    while (char := cursor.peek()) and char not in "]&":
        if char == "[":
            cursor.at += 1
            item = read_set(cursor)
        else:
            item = _range(cursor)
        right = item if right is None else charset.union(right, item)
    if right is None:
        if left is None:
            raise cursor.fail("bad class syntax")
        return left
    return right if left is None else charset.intersect(left, right)


def _range(cursor: Cursor) -> Ranges:
    low = _char(cursor)
    if isinstance(low, tuple):
        return low
    following = cursor.text[cursor.at + 1 : cursor.at + 2]
    if cursor.peek() != "-" or following in ("[", "]", ""):
        return fold(cursor, charset.of(low))
    cursor.at += 1
    high = _char(cursor)
    if isinstance(high, tuple) or high < low:
        raise cursor.fail("illegal character range")
    return fold(cursor, ((ord(low), ord(high)),))


def _char(cursor: Cursor) -> str | Ranges:
    """A character of a set, or the set that an escape names."""
    cursor.skip()
    char = cursor.next()
    if char != "\\":
        return char
    return read_escape(cursor, cursor.next())


def read_escape(cursor: Cursor, char: str) -> str | Ranges:
    """The set or the character that an escape stands for, in a set or outside."""
    if char in "dDwWsShHvV":
        return _predefined(cursor, char)
    if char in "pP":
        found = _property(cursor)
        return charset.negate(found) if char == "P" else found
    if char in _SIMPLE:
        return _SIMPLE[char]
    match char:
        case "0":
            return _octal(cursor)
        case "x":
            return _hexadecimal(cursor)
        case "u":
            return _utf16(cursor)
        case "c":
            return chr(ord(cursor.next()) ^ 64)
        case "N":
            return _named_char(cursor)
        case _ if char.isascii() and char.isalpha():
            raise cursor.fail("illegal/unsupported escape sequence")
        case _:
            return char


def _predefined(cursor: Cursor, char: str) -> Ranges:
    plain = {
        "d": charset.DIGIT,
        "w": charset.WORD,
        "s": charset.SPACE,
        "h": charset.HORIZONTAL,
        "v": charset.VERTICAL,
    }
    if cursor.flags.U:
        plain["d"] = charset.category("Nd")
        plain["w"] = charset.category("L", "Nl", "M", "Nd", "Pc")
        plain["s"] = charset.union(charset.category("Z"), charset.of("\t\n\x0b\f\r\x85"))
    found = plain[char.lower()]
    return charset.negate(found) if char.isupper() else found


def _property(cursor: Cursor) -> Ranges:
    name = cursor.next()
    if name == "{":
        end = cursor.text.find("}", cursor.at)
        if end < 0:
            raise cursor.fail("unclosed character family")
        name = cursor.text[cursor.at : end]
        cursor.at = end + 1
    try:
        return charset.named(name, fold=cursor.flags.i)
    except ValueError as error:
        raise Unsupported(f"{error}: {cursor.text}") from error


def _octal(cursor: Cursor) -> str:
    found = re.compile("[0-3][0-7]{2}|[0-7]{1,2}").match(cursor.text, cursor.at)
    if found is None:
        raise cursor.fail("illegal octal escape sequence")
    cursor.at = found.end()
    return chr(int(found[0], 8))


def _hexadecimal(cursor: Cursor) -> str:
    found = re.compile(r"\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2})").match(cursor.text, cursor.at)
    code = int(found[1] or found[2], 16) if found else charset.LAST + 1
    if found is None or code > charset.LAST:
        raise cursor.fail("illegal hexadecimal escape sequence")
    cursor.at = found.end()
    return chr(code)


def _utf16(cursor: Cursor) -> str:
    found = re.compile("[0-9A-Fa-f]{4}").match(cursor.text, cursor.at)
    if found is None:
        raise cursor.fail("illegal Unicode escape sequence")
    cursor.at = found.end()
    high = int(found[0], 16)
    low = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})").match(cursor.text, cursor.at)
    if 0xD800 <= high < 0xDC00 and low is not None:
        cursor.at = low.end()
        return chr(0x10000 + ((high - 0xD800) << 10) + int(low[1], 16) - 0xDC00)
    return chr(high)


def _named_char(cursor: Cursor) -> str:
    found = re.compile(r"\{([^}]+)\}").match(cursor.text, cursor.at)
    if found is None:
        raise cursor.fail("illegal character name escape sequence")
    cursor.at = found.end()
    try:
        return unicodedata.lookup(found[1])
    except KeyError as error:
        raise cursor.fail(f"unknown character name [{found[1]}]") from error
