"""Every setting: name, type, default, scope, document. SHOW PROPERTIES lists them.

Names are ksqlDB's where it has one (reference: server-configuration); `ksql.streams.` before a
streams property is optional, as in SET. A value is text in, typed out; a wrong one is a
StatementError that says what is allowed.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streamsql.errors import StatementError

KAFKA = "kafka://"
"""What begins the address of a Kafka cluster, where else the name of a database file stands."""

PREFIX = "ksql.streams."
PASSED_ON = (
    "producer.",
    "consumer.",
    "ksql.functions.",
    "ksql.logging.",
    "ksql.schema.registry.",
    "ksql.sink.",
)
"""Beginnings of names that a part of the program looks up itself."""


def _boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered not in ("true", "false"):
        raise ValueError("true or false")
    return lowered == "true"


def _count(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("a whole number") from None


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(" or ".join(allowed))
        return text.lower()

    return read


def _only_true(text: str) -> bool:
    """Of a switch that exists for what ksqlDB did long ago."""
    if not _boolean(text):
        raise ValueError("true: nothing here works in the other way")
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting. `scope`: `session` may be SET; `engine` is given at start."""

    name: str
    default: str
    read: Callable[[str], object]
    scope: str
    doc: str


def _row(name: str, default: str, read: Callable[[str], object], scope: str, doc: str) -> Setting:
    return Setting(name=name, default=default, read=read, scope=scope, doc=doc)


_KAFKA_ROWS = tuple(
    _row(name, default, str, "engine", doc)
    for name, default, doc in (
        ("client.id", "streamsql", "name of this client in the brokers' logs and quotas"),
        ("compression.type", "none", "of what is written: none, gzip, snappy, lz4, zstd"),
        ("isolation.level", "read_committed", "or read_uncommitted"),
        ("request.timeout.ms", "30000", "how long an answer of a broker may take"),
        ("security.protocol", "PLAINTEXT", "or SSL, SASL_PLAINTEXT, SASL_SSL"),
        ("sasl.mechanism", "PLAIN", "or SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER"),
        ("sasl.username", "", "the user"),
        ("sasl.password", "", "the user's password"),
        ("sasl.jaas.config", "", "user and password as Java's clients have them"),
        ("sasl.oauthbearer.token", "", "a bearer token"),
        ("ssl.ca.location", "", "PEM file of the authorities that are trusted"),
        ("ssl.certificate.location", "", "PEM file of the client's certificate"),
        ("ssl.key.location", "", "PEM file of the client's key"),
        ("ssl.key.password", "", "the key's password"),
        ("ssl.endpoint.identification.algorithm", "https", "empty: any host name"),
    )
)
"""How a Kafka cluster is reached: `brokers.kafka_settings` has the same names and defaults."""

SECRETS = frozenset(
    {"sasl.password", "sasl.jaas.config", "sasl.oauthbearer.token", "ssl.key.password"}
)
"""Settings whose values nobody is shown."""

SETTINGS: dict[str, Setting] = {
    s.name: s
    for s in (
        _row(
            "auto.offset.reset",
            "earliest",
            _one_of("earliest", "latest"),
            "session",
            "where a new query begins to read (ksqlDB: latest)",
        ),
        _row(
            "cache.max.bytes.buffering",
            "10000000",
            _count,
            "session",
            "0: a change for every record; more: the last change per key of a batch",
        ),
        _row(
            "commit.interval.ms",
            "2000",
            _count,
            "session",
            "accepted, without effect: each step commits",
        ),
        _row(
            "processing.guarantee",
            "exactly_once_v2",
            _one_of("exactly_once_v2", "at_least_once"),
            "session",
            "what a crash may do to outputs",
        ),
        _row(
            "max.task.idle.ms",
            "0",
            _count,
            "session",
            "accepted, without effect: a join waits for what the broker has (KIP-695)",
        ),
        _row(
            "streamsql.strict", "false", _boolean, "session", "accept what ksqlDB accepts, no more"
        ),
        _row(
            "streamsql.batch.records.max",
            "65536",
            _count,
            "session",
            "records of one step, at most",
        ),
        _row(
            "streamsql.linger.ms",
            "50",
            _count,
            "engine",
            "how long a small batch of a stateful query may wait",
        ),
        _row("streamsql.threads", "1", _count, "engine", "DuckDB threads of a step"),
        _row(
            "streamsql.memory.limit",
            "1GB",
            str,
            "engine",
            "memory that DuckDB may use; what is more goes to streamsql.temp.directory",
        ),
        _row(
            "streamsql.temp.directory",
            "",
            str,
            "engine",
            "where a step that outgrows memory writes; empty: beside the database file",
        ),
        _row("embedded.fsync", "true", _boolean, "engine", "a commit survives the loss of power"),
        _row(
            "ksql.service.id",
            "default_",
            str,
            "engine",
            "name of the service; prefix of internal topics",
        ),
        _row(
            "ksql.logging.processing.rows.include",
            "false",
            _boolean,
            "engine",
            "the processing log holds the data of the records that it names",
        ),
        _row(
            "ksql.internal.topic.replicas",
            "1",
            _count,
            "engine",
            "replicas of the topics that a service keeps for itself",
        ),
        _row(
            "num.standby.replicas",
            "0",
            _count,
            "engine",
            "engines beside its owner that keep a copy of a partition's state",
        ),
        _row(
            "streamsql.state.dir",
            "",
            str,
            "engine",
            "folder of the copy of the state; empty: in memory",
        ),
        _row(
            "session.timeout.ms",
            "10000",
            _count,
            "engine",
            "without a sign of life for so long, others take an engine's partitions over",
        ),
        _row(
            "max.poll.interval.ms",
            "300000",
            _count,
            "engine",
            "the same for one that is alive and makes no progress",
        ),
        _row(
            "streamsql.listener",
            "127.0.0.1:0",
            str,
            "engine",
            "where other engines of the service ask for rows; port 0: one that is free",
        ),
        _row(
            "streamsql.listener.certificate",
            "",
            str,
            "engine",
            "PEM file: the listener speaks TLS, which it must beyond loopback",
        ),
        _row("streamsql.listener.key", "", str, "engine", "PEM file of the certificate's key"),
        *_KAFKA_ROWS,
        _row(
            "ksql.persistence.default.format.key",
            "KAFKA",
            str,
            "session",
            "KEY_FORMAT where none is given",
        ),
        _row(
            "ksql.persistence.default.format.value",
            "",
            str,
            "session",
            "VALUE_FORMAT where none is given",
        ),
        _row(
            "ksql.persistence.wrap.single.values",
            "",
            str,
            "session",
            "WRAP_SINGLE_VALUE where none is given",
        ),
        _row(
            "ksql.output.topic.name.prefix",
            "",
            str,
            "session",
            "put before the names of sink topics",
        ),
        _row(
            "ksql.fail.on.deserialization.error",
            "false",
            _boolean,
            "session",
            "stop a query at a bad record",
        ),
        _row(
            "ksql.fail.on.production.error",
            "true",
            _boolean,
            "session",
            "stop a query that cannot write",
        ),
        _row(
            "ksql.timestamp.throw.on.invalid",
            "false",
            _boolean,
            "session",
            "stop a query at a bad timestamp",
        ),
        _row(
            "ksql.query.pull.table.scan.enabled",
            "true",
            _boolean,
            "session",
            "pull queries may scan tables",
        ),
        _row(
            "ksql.query.pull.range.scan.enabled",
            "true",
            _boolean,
            "session",
            "pull queries may read key ranges",
        ),
        _row(
            "ksql.query.pull.limit.clause.enabled",
            "true",
            _boolean,
            "session",
            "pull queries may have LIMIT",
        ),
        _row(
            "ksql.query.pull.stream.enabled",
            "true",
            _boolean,
            "session",
            "pull queries may read streams",
        ),
        _row(
            "ksql.query.pull.interpreter.enabled",
            "true",
            _boolean,
            "session",
            "accepted, without effect",
        ),
        _row("ksql.pull.queries.enable", "true", _boolean, "session", "pull queries are allowed"),
        _row(
            "ksql.query.push.v2.enabled", "false", _boolean, "session", "accepted, without effect"
        ),
        _row(
            "ksql.query.push.v2.registry.installed",
            "false",
            _boolean,
            "session",
            "accepted, without effect",
        ),
        _row(
            "ksql.create.or.replace.enabled",
            "true",
            _boolean,
            "session",
            "CREATE OR REPLACE is allowed",
        ),
        _row(
            "ksql.insert.into.values.enabled",
            "true",
            _boolean,
            "session",
            "INSERT INTO … VALUES is allowed",
        ),
        _row(
            "ksql.variable.substitution.enable", "true", _boolean, "session", "${name} is replaced"
        ),
        _row("ksql.suppress.enabled", "true", _boolean, "session", "EMIT FINAL is allowed"),
        _row("ksql.lambdas.enabled", "true", _boolean, "session", "lambdas are allowed"),
        _row(
            "ksql.headers.columns.enabled",
            "true",
            _boolean,
            "session",
            "HEADERS columns are allowed",
        ),
        _row(
            "ksql.source.table.materialization.enabled",
            "true",
            _boolean,
            "session",
            "SOURCE TABLE answers pull queries",
        ),
        _row(
            "ksql.cast.strings.preserve.nulls",
            "true",
            _only_true,
            "session",
            "CAST(NULL AS STRING) is NULL",
        ),
        _row(
            "ksql.nested.error.set.null",
            "true",
            _only_true,
            "session",
            "a failing argument is NULL",
        ),
        _row(
            "ksql.functions.collect_list.limit", "1000", _count, "session", "longest COLLECT_LIST"
        ),
        _row("ksql.functions.collect_set.limit", "1000", _count, "session", "longest COLLECT_SET"),
        _row(
            "ksql.query.persistent.active.limit",
            "2147483647",
            _count,
            "session",
            "persistent queries, at most",
        ),
        _row(
            "ksql.query.retry.backoff.initial.ms",
            "15000",
            _count,
            "session",
            "accepted, without effect: a query in ERROR is started again by a statement",
        ),
        _row(
            "ksql.query.retry.backoff.max.ms",
            "900000",
            _count,
            "session",
            "accepted, without effect",
        ),
    )
}


class Properties:
    """Session properties: a value that `with_value` copies. Reads fall back to the defaults."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    def with_value(self, name: str, value: str) -> Properties:
        """These properties with `name` set; StatementError where the value does not fit."""
        key = normal_name(name)
        setting = SETTINGS.get(key)
        if setting is None and not key.startswith(PASSED_ON) and not name.startswith(PREFIX):
            near = difflib.get_close_matches(key, SETTINGS, n=1)
            raise StatementError(
                f"Unknown property: {name}",
                hint=f"did you mean {near[0]}?" if near else "SHOW PROPERTIES lists them",
            )
        if setting is not None:
            try:
                setting.read(value)
            except ValueError as error:
                raise StatementError(
                    f"Invalid value {value} for property {name}", detail=f"allowed: {error}"
                ) from None
        return Properties({**self._values, key: value})

    def without(self, name: str) -> Properties:
        """These properties with `name` back at its default."""
        key = normal_name(name)
        return Properties({k: v for k, v in self._values.items() if k != key})

    def over(self, base: Properties) -> Properties:
        """These properties, and those of `base` that are not set here."""
        return Properties({**base._values, **self._values}) if base._values else self

    def text(self, name: str) -> str:
        """The value as text."""
        return self._values.get(name, SETTINGS[name].default if name in SETTINGS else "")

    def flag(self, name: str) -> bool:
        """The value of a yes-or-no setting."""
        return _boolean(self.text(name))

    def number(self, name: str) -> int:
        """The value of a numeric setting."""
        return _count(self.text(name))

    def items(self) -> tuple[tuple[str, str], ...]:
        """What was set, sorted by name."""
        return tuple(sorted(self._values.items()))


def normal_name(name: str) -> str:
    """A property's name without the optional prefix."""
    return name.removeprefix(PREFIX)
