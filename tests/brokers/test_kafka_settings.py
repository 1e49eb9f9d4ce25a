"""How a cluster is named and reached; what of it is secret."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from aiokafka import errors as kafka

from streamsql.brokers.kafka_errors import explain
from streamsql.brokers.kafka_settings import connection_options, kafka_settings
from streamsql.errors import LogError

JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    r'username="alice" password="se\"cret;x";'
)


@pytest.mark.parametrize(
    ("address", "servers"),
    [
        ("kafka://h:9092", "h:9092"),
        ("h", "h"),
        ("kafka://a.example:1,b-2:22/", "a.example:1,b-2:22"),
        ("kafka://[::1]:9092", "[::1]:9092"),
    ],
)
def test_addresses(address: str, servers: str) -> None:
    assert kafka_settings(address).servers == servers


@pytest.mark.parametrize("address", ["", "kafka://", "h:port", "a b", "h:1,", "http://h:1"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(LogError, match="is no address of a Kafka broker") as raised:
        kafka_settings(address)
    assert "kafka://host:port" in raised.value.hint


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(LogError) as raised:
        kafka_settings("kafka://alice:topsecret@h:9092")
    assert "topsecret" not in str(raised.value)
    assert "user and password are properties" in raised.value.hint


def test_an_unknown_property_is_refused() -> None:
    with pytest.raises(LogError, match=r"Kafka property sasl.pasword is not known") as raised:
        kafka_settings("h", {"sasl.pasword": "topsecret"})
    assert "sasl.password" in raised.value.hint
    assert "topsecret" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("security.protocol", "TLS"),
        ("sasl.mechanism", "GSSAPI"),
        ("isolation.level", "serializable"),
        ("compression.type", "brotli"),
        ("request.timeout.ms", "soon"),
    ],
)
def test_a_value_that_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(LogError, match=f"Kafka property {name} "):
        kafka_settings("h", {name: value})


def sasl(**properties: str) -> dict[str, str]:
    named = {name.replace("_", "."): value for name, value in properties.items()}
    return {"security.protocol": "SASL_PLAINTEXT", **named}


@pytest.mark.parametrize(
    ("properties", "user", "password"),
    [
        (sasl(sasl_username="bob", sasl_password="pw"), "bob", "pw"),
        (sasl(sasl_jaas_config=JAAS), "alice", 'se"cret;x'),
        (sasl(sasl_jaas_config="X required username=carl password=p;"), "carl", "p"),
    ],
    ids=["librdkafka", "jaas", "jaas without quotes"],
)
def test_user_and_password(properties: dict[str, str], user: str, password: str) -> None:
    options = connection_options(kafka_settings("h", properties))
    assert options["sasl_mechanism"] == "PLAIN"
    assert options["sasl_plain_username"] == user
    assert options["sasl_plain_password"] == password


def test_missing_credentials_are_named() -> None:
    with pytest.raises(LogError, match="has no user or no password"):
        connection_options(kafka_settings("h", sasl(sasl_username="bob")))
    oauth = sasl(sasl_mechanism="OAUTHBEARER")
    with pytest.raises(LogError, match="OAUTHBEARER has no token"):
        connection_options(kafka_settings("h", oauth))


def test_bearer_tokens_come_from_a_function_or_are_fixed() -> None:
    async def token() -> str:
        return "fresh"

    oauth = sasl(sasl_mechanism="OAUTHBEARER", sasl_oauthbearer_token="fixed")
    fixed = connection_options(kafka_settings("h", oauth))["sasl_oauth_token_provider"]
    made = connection_options(kafka_settings("h", oauth, token=token))["sasl_oauth_token_provider"]
    assert asyncio.run(fixed.token()) == "fixed"
    assert asyncio.run(made.token()) == "fresh"


def test_tls_checks_the_host_unless_told_otherwise() -> None:
    tls = {"security.protocol": "SSL"}
    context = connection_options(kafka_settings("h", tls))["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    lax = tls | {"ssl.endpoint.identification.algorithm": ""}
    context = connection_options(kafka_settings("h", lax))["ssl_context"]
    assert not context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_certificates_that_cannot_be_read_are_named() -> None:
    tls = {"security.protocol": "SSL", "ssl.ca.location": "no/such/ca.pem"}
    with pytest.raises(LogError, match="certificates for Kafka cannot be read") as raised:
        connection_options(kafka_settings("h", tls))
    assert "PEM" in raised.value.hint


def test_secrets_are_shown_nowhere() -> None:
    settings = kafka_settings(
        "h", sasl(sasl_username="bob", sasl_password="topsecret", sasl_jaas_config=JAAS)
    )
    assert "topsecret" not in repr(settings)
    shown = settings.shown()
    assert shown["sasl.username"] == "bob"
    assert shown["sasl.password"] == shown["sasl.jaas.config"] == "[hidden]"
    error = explain(kafka.KafkaError('user bob with topsecret or se"cret;x'), settings, "it failed")
    assert error.detail == "KafkaError: user bob with [hidden] or [hidden]"


@pytest.mark.parametrize(
    ("error", "primary", "hint"),
    [
        (kafka.TopicAuthorizationFailedError(), "topic t: no permission", "ACL"),
        (kafka.MessageSizeTooLargeError(), "topic t: a record is larger", "max.message.bytes"),
        (kafka.InvalidReplicationFactorError(), "topic t: there are fewer brokers", "REPLICAS"),
        (kafka.RequestTimedOutError(), "topic t: the broker did not answer", "request.timeout.ms"),
        (kafka.CorruptRecordException(), "topic t", "log of Kafka at h"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_errors_say_what_and_what_next(error: Exception, primary: str, hint: str) -> None:
    found = explain(error, kafka_settings("h"), "topic t")
    assert found.primary.startswith(primary)
    assert hint in found.hint
    assert found.detail
    assert explain(found, kafka_settings("h"), "something else") is found
