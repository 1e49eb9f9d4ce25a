"""What went wrong at Kafka, in words: what it is, and what can be done."""

from __future__ import annotations

import ssl
from contextlib import suppress

from aiokafka import errors as kafka
from aiokafka.conn import collect_hosts, create_conn

from streamsql.brokers.group import Fenced
from streamsql.brokers.kafka_settings import KafkaSettings, connection_options
from streamsql.errors import LogError

_HINTS: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        kafka.TopicAuthorizationFailedError,
        "no permission",
        "give the user an ACL for the topic: Read, Describe, Write to write, Create to create it",
    ),
    (
        kafka.GroupAuthorizationFailedError,
        "no permission for the consumer group",
        "give the user an ACL: Read on the group, whose name begins with the service's id",
    ),
    (
        kafka.ClusterAuthorizationFailedError,
        "no permission on the cluster",
        "give the user an ACL: Create on the cluster, or create the topic for them",
    ),
    (
        kafka.TransactionalIdAuthorizationFailed,
        "no permission for transactions",
        "give the user an ACL: Write and Describe on the transactional id, or set"
        " processing.guarantee to at_least_once",
    ),
    (
        kafka.MessageSizeTooLargeError,
        "a record is larger than the topic takes",
        "raise max.message.bytes of the topic, or write smaller records",
    ),
    (
        kafka.InvalidReplicationFactorError,
        "there are fewer brokers than replicas asked for",
        "set REPLICAS to at most the number of brokers",
    ),
    (
        kafka.InvalidConfigurationError,
        "a configuration of the topic is not valid",
        "see the detail for its name",
    ),
    (
        kafka.PolicyViolationError,
        "the cluster's policy forbids it",
        "ask who runs the cluster, or create the topic by their rules",
    ),
    (
        kafka.NotEnoughReplicasError,
        "fewer replicas than min.insync.replicas are alive",
        "wait until the brokers are back",
    ),
    (
        kafka.UnsupportedSaslMechanismError,
        "the broker does not know this SASL mechanism",
        "set sasl.mechanism to one that the broker has enabled",
    ),
    (
        kafka.SaslAuthenticationFailed,
        "the broker refused the credentials",
        "check the SASL user and password or token",
    ),
    (
        kafka.AuthenticationFailedError,
        "the broker refused the credentials",
        "check the SASL user and password or token",
    ),
    (
        kafka.RequestTimedOutError,
        "the broker did not answer in time",
        "look whether it is alive; request.timeout.ms sets how long is waited",
    ),
)

_FENCED = (kafka.ProducerFenced, kafka.InvalidProducerEpoch)

_CREDENTIALS = (
    kafka.AuthenticationFailedError,
    kafka.SaslAuthenticationFailed,
    kafka.UnsupportedSaslMechanismError,
)


def explain(error: BaseException, settings: KafkaSettings, doing: str) -> LogError:
    """The error for what met `doing` ("topic t cannot be written")."""
    if isinstance(error, LogError):
        return error
    text = settings.hide(_text_of(error))
    if isinstance(error, _FENCED):
        return Fenced(
            f"{doing}: another engine has taken over",
            detail=text,
            hint="this engine was away for too long; it joins again and takes what it is given",
        )
    for kind, primary, hint in _HINTS:
        if isinstance(error, kind):
            return LogError(f"{doing}: {primary}", detail=text, hint=hint)
    return LogError(
        f"{doing}", detail=text, hint=f"look into the log of Kafka at {settings.servers}"
    )


def _text_of(error: BaseException) -> str:
    """The error's text; aiokafka's have a number and a name, and often nothing else."""
    said = str(error).strip()
    return said if said else type(error).__name__


async def explain_connection(settings: KafkaSettings) -> LogError:
    """Why no broker could be reached.

    aiokafka tells its log and not its caller: so each address is tried once more, and the first
    reason that says most is given.
    """
    reasons: list[LogError] = []
    for host, port, _ in collect_hosts(settings.servers.split(",")):
        options = connection_options(settings)
        del options["bootstrap_servers"]
        options["request_timeout_ms"] = min(settings.timeout_ms, 5_000)
        try:
            connection = await create_conn(host, port, **options)
        except (OSError, TimeoutError, kafka.KafkaError) as error:
            reasons.append(_refused(error, settings, f"{host}:{port}"))
        else:
            with suppress(Exception):
                connection.close()
            reasons.append(
                LogError(
                    f"Kafka at {host}:{port} answered once and then no more",
                    hint="it may be starting, or want TLS or SASL: see security.protocol",
                )
            )
    return min(reasons, key=lambda reason: reason.primary.startswith("no Kafka broker answers"))


def _refused(error: BaseException, settings: KafkaSettings, address: str) -> LogError:
    """Why the broker at `address` could not be talked to."""
    text = settings.hide(_text_of(error))
    protocol = settings["security.protocol"]
    if isinstance(error, _CREDENTIALS):
        return explain(error, settings, f"Kafka at {address} was reached")
    if isinstance(error, ssl.SSLError):
        return LogError(
            f"Kafka at {address} was reached, and TLS failed",
            detail=text,
            hint="check ssl.ca.location, the host's name in its certificate, and that the port"
            f" speaks {protocol}",
        )
    if isinstance(error, kafka.KafkaConnectionError | ConnectionResetError):
        return LogError(
            f"Kafka at {address} closed the connection",
            detail=text,
            hint=f"look whether that port speaks {protocol}; security.protocol sets it",
        )
    return LogError(
        f"no Kafka broker answers at {address}",
        detail=text,
        hint="check host and port, and that the broker runs",
    )
