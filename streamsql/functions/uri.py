"""Addresses as java.net.URI reads them (RFC 2396 with RFC 2732 and Java's deviations).

`read` gives the parts or raises ValueError where Java throws URISyntaxException. Deviations that
matter: characters beyond ASCII are legal nearly everywhere, an authority that is no server
(`my_host`) is legal and has neither host nor port, an opaque address (`mailto:a@b`) has only scheme
and fragment.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass

from streamsql.functions.rows import read_utf8

_MARKS = "-_.!~*'()"
_UNRESERVED = r"A-Za-z0-9\-_.!~*'()"
_USER = _UNRESERVED + ";:&=+$,"
_SERVER = _USER + r"@\[\]"
_REGISTRY = _UNRESERVED + "$,;:@&=+"
_PATH = _UNRESERVED + ":@&=+$,;/"
_ANY = _UNRESERVED + r";/?:@&=+$,\[\]"

_OTHER = r"\u0081-\U0010ffff"
"""Java takes any visible character beyond ASCII; U+0080 falls between its two comparisons."""


def _run(characters: str) -> re.Pattern[str]:
    return re.compile(f"(?:[{characters}{_OTHER}]|%[0-9A-Fa-f]{{2}})*")


_IS_USER, _IS_SERVER, _IS_REGISTRY = _run(_USER), _run(_SERVER), _run(_REGISTRY)
_IS_SERVER_WITH_PERCENT = _run(_SERVER + "%")
_IS_PATH, _IS_ANY = _run(_PATH), _run(_ANY)

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?P<head>(?:{_LABEL}\.)*)(?P<last>{_LABEL})\.?")
_BYTE = "(?:0*(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9]))"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*")
_PORT_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an address holds, None for what it has not; path, query and fragment are escaped."""

    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    path: str | None = None
    query: str | None = None
    fragment: str | None = None


def read(text: str) -> Parts:
    """The parts of an address. ValueError where it is none."""
    body, has_fragment, fragment = text.partition("#")
    if has_fragment:
        _check(_IS_ANY, fragment, "fragment")
    scheme, rest = _split_scheme(body)
    fragment_part = fragment if has_fragment else None
    if scheme is not None and not rest.startswith("/"):
        if not rest:
            raise ValueError(f"expected scheme-specific part: {text}")
        _check(_IS_ANY, rest, "opaque part")
        return Parts(scheme=scheme, fragment=fragment_part)
    host, port, rest = _split_authority(rest, alone=not has_fragment)
    path, has_query, query = rest.partition("?")
    _check(_IS_PATH, path, "path")
    _check(_IS_ANY, query, "query")
    return Parts(
        scheme=scheme,
        host=host,
        port=port,
        path=path,
        query=query if has_query else None,
        fragment=fragment_part,
    )


def unescape(text: str) -> str:
    """The text with `%XX` read as UTF-8; U+FFFD for what is none."""
    return _ESCAPES.sub(_unescape_run, text)


_ESCAPES = re.compile("(?:%[0-9A-Fa-f]{2})+")


def _unescape_run(found: re.Match[str]) -> str:
    return read_utf8(bytes.fromhex(found[0].replace("%", "")))


def _check(characters: re.Pattern[str], text: str, what: str) -> None:
    if not characters.fullmatch(text) or not _is_visible(text):
        raise ValueError(f"illegal character in {what}: {text}")


def _is_visible(text: str) -> bool:
    return text.isascii() or not any(
        ord(c) > 128 and unicodedata.category(c) in ("Zs", "Zl", "Zp", "Cc") for c in text
    )


def _split_scheme(body: str) -> tuple[str | None, str]:
    end = re.search("[:/?]", body)
    if end is None or end[0] != ":":
        return None, body
    scheme = body[: end.start()]
    if not _SCHEME.fullmatch(scheme):
        raise ValueError(f"illegal character in scheme name: {body}")
    return scheme, body[end.end() :]


def _split_authority(rest: str, *, alone: bool) -> tuple[str | None, int | None, str]:
    """Host, port and what follows them. `alone`: no fragment follows."""
    if not rest.startswith("//"):
        return None, None, rest
    found = re.match("//([^/?]*)", rest)
    assert found is not None
    authority, after = found[1], rest[found.end() :]
    if not authority:
        if not after and alone:
            raise ValueError(f"expected authority: {rest}")
        return None, None, after
    host, port = _read_authority(authority)
    return host, port, after


def _read_authority(text: str) -> tuple[str | None, int | None]:
    percent = text.find("]") > 0
    characters = _IS_SERVER_WITH_PERCENT if percent else _IS_SERVER
    is_server = bool(characters.fullmatch(text)) and _is_visible(text)
    is_registry = bool(_IS_REGISTRY.fullmatch(text)) and _is_visible(text)
    if "%" in text and not percent and re.search("%(?![0-9A-Fa-f]{2})", text):
        raise ValueError(f"malformed escape pair: {text}")
    if is_server:
        try:
            return _read_server(text)
        except ValueError:
            if not is_registry:
                raise
    if not is_registry:
        raise ValueError(f"illegal character in authority: {text}")
    return None, None


def _read_server(text: str) -> tuple[str, int | None]:
    user, at, server = text.partition("@")
    if at:
        _check(_IS_USER, user, "user info")
    else:
        server = text
    if server.startswith("["):
        end = server.find("]")
        if end < 2:
            raise ValueError(f"expected closing bracket for IPv6 address: {text}")
        _check_ipv6(server[1:end])
        host, after = server[: end + 1], server[end + 1 :]
    else:
        host, colon, port = server.partition(":")
        after = colon + port
        _check_host(host)
    return host, _read_port(after)


def _check_host(host: str) -> None:
    if _IPV4.fullmatch(host):
        return
    found = _HOST.fullmatch(host)
    if found is None or (found["head"] and not found["last"][0].isalpha()):
        raise ValueError(f"illegal character in hostname: {host}")


def _check_ipv6(text: str) -> None:
    address, percent, scope = text.partition("%")
    if percent and not re.fullmatch("[A-Za-z0-9_.]+", scope):
        raise ValueError(f"scope id expected: {text}")
    ipaddress.IPv6Address(address)


def _read_port(text: str) -> int | None:
    if text in ("", ":"):
        return None
    if not re.fullmatch(":[0-9]+", text) or int(text[1:]) > _PORT_MAX:
        raise ValueError(f"malformed port number: {text}")
    return int(text[1:])
