"""A registry over Confluent's REST API: Confluent's own, Apicurio's `/apis/ccompat/v7`, Karapace.

Schemas by id never change and are kept for ever; a subject's last version is asked for each time.
What was registered is remembered, so that a running query asks nothing. Confluent documentation:
schema-registry/develop/api.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import urllib3

from streamsql.errors import RegistryError
from streamsql.registry.registry import SubjectVersion
from streamsql.schema.registered import AVRO, Reference, RegisteredSchema

HIDDEN = "[hidden]"
_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
_NOT_FOUND = 404
_RETRIES = 3
"""Of a request that got no answer, or one that says to come again; half a second, then more."""

PROPERTIES = (
    "url basic.auth.credentials.source basic.auth.user.info bearer.auth.token request.timeout.ms "
    "ssl.ca.location ssl.certificate.location ssl.key.location ssl.key.password "
    "ssl.truststore.location ssl.truststore.type ssl.endpoint.identification.algorithm"
).split()
"""What there is behind `ksql.schema.registry.`, as Confluent's clients and librdkafka call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """A server and how to talk to it."""

    urls: tuple[str, ...]
    user_info: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    timeout_s: float = 20.0
    tls: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def hide(self, text: str) -> str:
        """`text` without the secrets, should it quote one."""
        secrets = [self.user_info, self.user_info.partition(":")[2], self.token]
        secrets.append(self.tls.get("ssl.key.password", ""))
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


def registry_settings(given: Mapping[str, str]) -> RegistrySettings:
    """The settings of these properties; RegistryError for what cannot be right."""
    for name in given:
        if name not in PROPERTIES:
            raise RegistryError(
                f"property ksql.schema.registry.{name} is not known",
                hint=f"known are {', '.join(sorted(PROPERTIES))}",
            )
    urls, user_info = _read_urls(given["url"])
    timeout = given.get("request.timeout.ms", "20000")
    if not timeout.isdecimal():
        raise RegistryError("ksql.schema.registry.request.timeout.ms is no number of milliseconds")
    kind = given.get("ssl.truststore.type", "PEM")
    if kind.upper() != "PEM":
        raise RegistryError(
            f"ksql.schema.registry.ssl.truststore.type cannot be {kind}",
            hint="export the certificates as PEM: keytool -exportcert -rfc",
        )
    return RegistrySettings(
        urls=urls,
        user_info=given.get("basic.auth.user.info", user_info),
        token=given.get("bearer.auth.token", ""),
        timeout_s=int(timeout) / 1000,
        tls={n: v for n, v in given.items() if n.startswith("ssl.")},
    )


def _read_urls(text: str) -> tuple[tuple[str, ...], str]:
    """(addresses, `user:password` where one of them holds it)."""
    urls: list[str] = []
    user_info = ""
    for part in text.split(","):
        scheme, apart, rest = part.strip().partition("://")
        before, at, host = rest.rpartition("@")
        if not apart or scheme not in ("http", "https") or not host:
            shown = f"{scheme}://{HIDDEN}" if at else part.strip()
            raise RegistryError(
                f"{shown!r} is no address of a schema registry", hint="write http://host:port"
            )
        user_info = before or user_info
        urls.append(f"{scheme}://{host.rstrip('/')}")
    return tuple(urls), user_info


class ConfluentRegistry:
    """A registry on a server. Calls wait for its answer; they are few, and never one a record."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings
        self._schemas: dict[int, RegisteredSchema | None] = {}
        self._registered: dict[tuple[str, RegisteredSchema], int] = {}
        self._pool = _pool(settings)

    def schema(self, schema_id: int) -> RegisteredSchema | None:
        """The schema of that id, or None."""
        if self._schemas.get(schema_id) is None:
            found = self._ask("GET", f"/schemas/ids/{schema_id}")
            self._schemas[schema_id] = None if found is None else self._read_schema(found)
        return self._schemas[schema_id]

    def register(self, subject: str, schema: RegisteredSchema) -> int:
        """The schema's id; the subject has it from now on."""
        known = self._registered.get((subject, schema))
        if known is not None:
            return known
        body: dict[str, Any] = {"schema": schema.text}
        if schema.kind != AVRO:
            body["schemaType"] = schema.kind
        if schema.references:
            body["references"] = [
                {"name": r.name, "subject": r.subject, "version": r.version}
                for r in schema.references
            ]
        found = self._ask("POST", f"/subjects/{_escaped(subject)}/versions", body)
        if found is None:
            raise RegistryError(f"subject {subject} cannot be registered: it was not found")
        self._registered[subject, schema] = found["id"]
        self._schemas[found["id"]] = schema
        return found["id"]

    def latest(self, subject: str) -> SubjectVersion | None:
        """The subject's last version, or None."""
        found = self._ask("GET", f"/subjects/{_escaped(subject)}/versions/latest")
        return None if found is None else self._read_version(found)

    def has(self, subject: str, schema_id: int) -> bool:
        """Whether a version of the subject has that schema."""
        found = self._ask("GET", f"/subjects/{_escaped(subject)}/versions") or []
        versions = (self._version(subject, number) for number in reversed(found))
        return any(v is not None and v.id == schema_id for v in versions)

    def _version(self, subject: str, number: int) -> SubjectVersion | None:
        found = self._ask("GET", f"/subjects/{_escaped(subject)}/versions/{number}")
        return None if found is None else self._read_version(found)

    def subjects(self) -> list[str]:
        """The names of all subjects, sorted."""
        return sorted(self._ask("GET", "/subjects") or [])

    def delete(self, subject: str) -> None:
        """Deletes a subject, if it is there; its schemas can still be read by their ids."""
        self._ask("DELETE", f"/subjects/{_escaped(subject)}")
        self._registered = {k: v for k, v in self._registered.items() if k[0] != subject}

    def close(self) -> None:
        """Closes its connections."""
        self._pool.clear()

    def _read_version(self, found: Mapping[str, Any]) -> SubjectVersion:
        return SubjectVersion(
            subject=found["subject"],
            version=found["version"],
            id=found["id"],
            schema=self._read_schema(found),
        )

    def _read_schema(self, found: Mapping[str, Any]) -> RegisteredSchema:
        """A schema of an answer, with those that it imports."""
        references: list[Reference] = []
        for reference in found.get("references") or ():
            version = self._version(reference["subject"], reference["version"])
            if version is None:
                raise RegistryError(
                    f"a schema imports {reference['subject']}, version {reference['version']},"
                    " which is not in the registry"
                )
            references.append(
                Reference(
                    name=reference["name"],
                    subject=reference["subject"],
                    version=reference["version"],
                    schema=version.schema,
                )
            )
        return RegisteredSchema(
            kind=found.get("schemaType") or AVRO,
            text=found["schema"],
            references=tuple(references),
        )

    # HTTP ---------------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer's JSON, None where it says that there is no such thing.

        The addresses are tried in their order, until one answers.
        """
        failed = ""
        for url in self._settings.urls:
            try:
                answer = self._pool.request(
                    method,
                    url + path,
                    body=None if body is None else json.dumps(body).encode(),
                    headers=self._headers(),
                )
            except urllib3.exceptions.HTTPError as error:
                failed = self._settings.hide(_cause(error))
                continue
            return self._read(method, path, answer)
        raise RegistryError(
            f"the schema registry at {', '.join(self._settings.urls)} cannot be reached",
            detail=failed,
            hint="check ksql.schema.registry.url, and that the registry runs",
        )

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": f"{_CONTENT_TYPE}, application/json", "Content-Type": _CONTENT_TYPE}
        if self._settings.token:
            headers["Authorization"] = f"Bearer {self._settings.token}"
        elif self._settings.user_info:
            headers |= urllib3.make_headers(basic_auth=self._settings.user_info)
        return headers

    def _read(self, method: str, path: str, answer: urllib3.BaseHTTPResponse) -> Any:
        try:
            found = json.loads(answer.data)
        except ValueError:
            found = None
        if answer.status < 300:
            return found
        if answer.status == _NOT_FOUND and isinstance(found, dict) and "error_code" in found:
            return None
        said = found.get("message", "") if isinstance(found, dict) else ""
        raise RegistryError(
            self._settings.hide(str(said)) or f"the schema registry answers {answer.status}",
            detail=f"{method} {path}: status {answer.status}",
            hint=_HINTS.get(answer.status, "the registry's log says more"),
        )


_HINTS = {
    401: "set ksql.schema.registry.basic.auth.user.info to user:password",
    403: "the user may not do this: ask who runs the registry",
    404: "check the path of ksql.schema.registry.url; Apicurio's ends with /apis/ccompat/v7",
    409: "the subject's compatibility forbids it: change the columns, or its compatibility",
    422: "the registry does not take this schema",
}


def _escaped(subject: str) -> str:
    return quote(subject, safe="")


def _cause(error: BaseException) -> str:
    """The innermost reason."""
    reason = getattr(error, "reason", None)
    return _cause(reason) if isinstance(reason, BaseException) else str(error)


def _pool(settings: RegistrySettings) -> urllib3.PoolManager:
    tls = settings.tls
    ca = tls.get("ssl.ca.location") or tls.get("ssl.truststore.location")
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(total=settings.timeout_s),
        retries=urllib3.Retry(
            total=_RETRIES,
            backoff_factor=0.5,
            status_forcelist=(429, 502, 503, 504),
            allowed_methods=None,
            raise_on_status=False,
        ),
        ca_certs=ca,
        cert_file=tls.get("ssl.certificate.location"),
        key_file=tls.get("ssl.key.location"),
        key_password=tls.get("ssl.key.password"),
        assert_hostname=None
        if tls.get("ssl.endpoint.identification.algorithm", "https")
        else False,
    )
