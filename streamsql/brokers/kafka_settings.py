"""How a Kafka cluster is reached: addresses, SASL, TLS, and what of it is secret.

Names are those of Kafka's Java clients, as ksqlDB's users have them in their files, and
librdkafka's where Java has none (`sasl.username`). A secret is in no repr, error or log.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from streamsql.brokers.kafka_batch import COMPRESSIONS
from streamsql.config import SECRETS
from streamsql.errors import LogError

HIDDEN = "[hidden]"

DEFAULTS: Mapping[str, str] = {
    "client.id": "streamsql",
    "compression.type": "none",
    "isolation.level": "read_committed",
    "request.timeout.ms": "30000",
    "security.protocol": "PLAINTEXT",
    "sasl.mechanism": "PLAIN",
    "sasl.username": "",
    "sasl.password": "",
    "sasl.jaas.config": "",
    "sasl.oauthbearer.token": "",
    "ssl.ca.location": "",
    "ssl.certificate.location": "",
    "ssl.key.location": "",
    "ssl.key.password": "",
    "ssl.endpoint.identification.algorithm": "https",
}
"""Every property there is; empty: not set."""

_CHOICES = {
    "compression.type": COMPRESSIONS,
    "isolation.level": ("read_committed", "read_uncommitted"),
    "security.protocol": ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "sasl.mechanism": ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"),
    "ssl.endpoint.identification.algorithm": ("https", ""),
}

Token = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """A cluster and how to talk to it. `properties` holds every name of DEFAULTS.

    `token` gives the bearer token for OAUTHBEARER whenever a connection is made.
    """

    servers: str
    properties: Mapping[str, str] = field(repr=False)
    token: Token | None = field(default=None, repr=False)

    def __getitem__(self, name: str) -> str:
        return self.properties[name]

    @property
    def timeout_ms(self) -> int:
        """How long an answer of the broker may take."""
        return int(self["request.timeout.ms"])

    def shown(self) -> dict[str, str]:
        """The properties that are set, secrets hidden."""
        return {
            name: HIDDEN if name in SECRETS else value
            for name, value in self.properties.items()
            if value
        }

    def hide(self, text: str) -> str:
        """`text` without the secrets, should it quote one."""
        secrets = [self[name] for name in SECRETS if self[name]]
        secrets.append(_jaas(self["sasl.jaas.config"]).get("password", ""))
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


def kafka_settings(
    address: str, properties: Mapping[str, str] | None = None, *, token: Token | None = None
) -> KafkaSettings:
    """Settings for `kafka://host:port[,host:port…]`, or the same without the scheme.

    LogError for a property that is not known or has a value that it cannot have.
    """
    servers = address.removeprefix("kafka://").rstrip("/")
    for server in servers.split(","):
        if not re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:@/]+)(:\d{1,5})?", server):
            raise LogError(
                f"{HIDDEN if '@' in server else server!r} is no address of a Kafka broker",
                hint="write kafka://host:port; user and password are properties",
            )
    chosen = dict(DEFAULTS)
    for name, value in (properties or {}).items():
        if name not in DEFAULTS:
            raise LogError(
                f"Kafka property {name} is not known",
                hint="known are " + ", ".join(sorted(DEFAULTS)),
            )
        allowed = _CHOICES.get(name)
        if allowed is not None and value not in allowed:
            raise LogError(
                f"Kafka property {name} cannot be {value!r}",
                hint="it is one of " + ", ".join(repr(a) for a in allowed),
            )
        chosen[name] = value
    if not chosen["request.timeout.ms"].isdecimal():
        raise LogError("Kafka property request.timeout.ms is not a number of milliseconds")
    return KafkaSettings(servers=servers, properties=chosen, token=token)


def connection_options(settings: KafkaSettings) -> dict[str, Any]:
    """What aiokafka's client, producer and admin client take; LogError for what is missing."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.servers.split(","),
        "client_id": settings["client.id"],
        "request_timeout_ms": settings.timeout_ms,
        "security_protocol": settings["security.protocol"],
    }
    if settings["security.protocol"].endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    if settings["security.protocol"].startswith("SASL"):
        options |= _sasl_options(settings)
    return options


def _sasl_options(settings: KafkaSettings) -> dict[str, Any]:
    mechanism = settings["sasl.mechanism"]
    if mechanism == "OAUTHBEARER":
        fixed = settings["sasl.oauthbearer.token"]
        if settings.token is None and not fixed:
            raise LogError(
                "SASL mechanism OAUTHBEARER has no token",
                hint="set sasl.oauthbearer.token, or pass a function that gives one",
            )
        provider = _TokenProvider(settings.token, fixed)
        return {"sasl_mechanism": mechanism, "sasl_oauth_token_provider": provider}
    jaas = _jaas(settings["sasl.jaas.config"])
    user = settings["sasl.username"] or jaas.get("username", "")
    password = settings["sasl.password"] or jaas.get("password", "")
    if not user or not password:
        raise LogError(
            f"SASL mechanism {mechanism} has no user or no password",
            hint="set sasl.username and sasl.password, or sasl.jaas.config",
        )
    return {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": user,
        "sasl_plain_password": password,
    }


def _jaas(text: str) -> dict[str, str]:
    """The options of a JAAS configuration: `…LoginModule required username="u" password="p";`."""
    found = re.findall(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', text)
    return {name: re.sub(r"\\(.)", r"\1", quoted) or plain for name, quoted, plain in found}


def _ssl_context(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings["ssl.ca.location"] or None)
        if not settings["ssl.endpoint.identification.algorithm"]:
            context.check_hostname = False
        if settings["ssl.certificate.location"]:
            context.load_cert_chain(
                settings["ssl.certificate.location"],
                settings["ssl.key.location"] or None,
                settings["ssl.key.password"] or None,
            )
    except (OSError, ssl.SSLError) as error:
        raise LogError(
            "the certificates for Kafka cannot be read",
            detail=settings.hide(str(error)),
            hint="ssl.ca.location, ssl.certificate.location and ssl.key.location are PEM files",
        ) from error
    return context


class _TokenProvider(AbstractTokenProvider):
    """Bearer tokens from a function, or always the same one."""

    def __init__(self, source: Token | None, fixed: str) -> None:
        self._source = source
        self._fixed = fixed

    async def token(self) -> str:
        return self._fixed if self._source is None else await self._source()
