--@test: PROTOBUF columns come back as they were written, a null as the default of its type
CREATE STREAM given (k INT KEY, i INT, l BIGINT, d DOUBLE, x DECIMAL(6, 2), b BOOLEAN, s STRING, a ARRAY<INT>, m MAP<STRING, DATE>)
  WITH (KAFKA_TOPIC='given', FORMAT='PROTOBUF', PARTITIONS=1);
CREATE STREAM seen AS SELECT * FROM given;
INSERT INTO given VALUES (1, -2, 300, 1.5, -12.34, true, 'aé', ARRAY[1, -300], MAP('k' := '2024-02-29'));
INSERT INTO given (k, a, m) VALUES (2, ARRAY[5], MAP('j' := '1969-12-31'));
ASSERT VALUES seen (k, i, l, d, x, b, s, a, m)
  VALUES (1, -2, 300, 1.5, -12.34, true, 'aé', ARRAY[1, -300], MAP('k' := CAST('2024-02-29' AS DATE)));
ASSERT VALUES seen (k, i, l, d, x, b, s, a, m)
  VALUES (2, 0, 0, 0.0, NULL, false, '', ARRAY[5], MAP('j' := CAST('1969-12-31' AS DATE)));

--@test: a nullable representation tells null from the default
CREATE STREAM given (i INT, s STRING)
  WITH (KAFKA_TOPIC='given', VALUE_FORMAT='PROTOBUF', VALUE_PROTOBUF_NULLABLE_REPRESENTATION='OPTIONAL', PARTITIONS=1);
CREATE STREAM seen WITH (VALUE_PROTOBUF_NULLABLE_REPRESENTATION='WRAPPER') AS SELECT * FROM given;
INSERT INTO given VALUES (0, NULL);
INSERT INTO given VALUES (NULL, '');
ASSERT VALUES seen (i, s) VALUES (0, NULL);
ASSERT VALUES seen (i, s) VALUES (NULL, '');

--@test: PROTOBUF_NOSR is the message alone
CREATE STREAM given (i INT, s STRING) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='PROTOBUF_NOSR', PARTITIONS=1);
CREATE STREAM raw (line BYTES) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='KAFKA');
CREATE STREAM seen AS SELECT FROM_BYTES(line, 'hex') AS line FROM raw;
CREATE STREAM back WITH (VALUE_FORMAT='JSON') AS SELECT * FROM given;
INSERT INTO given VALUES (5, 'x');
INSERT INTO raw VALUES (TO_BYTES('1201', 'hex'));
INSERT INTO raw VALUES (TO_BYTES('1A026162', 'hex'));
ASSERT VALUES seen (line) VALUES ('0805120178');
ASSERT VALUES seen (line) VALUES ('1201');
ASSERT VALUES seen (line) VALUES ('1A026162');
ASSERT VALUES back (i, s) VALUES (5, 'x');
ASSERT VALUES back (i, s) VALUES (0, '');

--@test: columns come from the message that is named
CREATE STREAM given (i INT) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='PROTOBUF', VALUE_SCHEMA_FULL_NAME='com.acme.Given', PARTITIONS=1);
CREATE STREAM inferred WITH (KAFKA_TOPIC='given', VALUE_FORMAT='PROTOBUF', VALUE_SCHEMA_FULL_NAME='com.acme.Given');
CREATE STREAM seen WITH (VALUE_FORMAT='JSON') AS SELECT i FROM inferred;
INSERT INTO given VALUES (7);
ASSERT VALUES seen (i) VALUES (7);

--@test: a message has no bare value
--@expected.error: io.confluent.ksql.util.KsqlStatementException
--@expected.message: Format 'PROTOBUF' does not support 'WRAP_SINGLE_VALUE' set to 'false'.
CREATE STREAM given (n INT) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='PROTOBUF', WRAP_SINGLE_VALUE=false, PARTITIONS=1);
