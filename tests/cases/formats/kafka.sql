--@test: numbers of the KAFKA format have their size, other sizes are skipped
CREATE STREAM raw (b BYTES) WITH (KAFKA_TOPIC='numbers', VALUE_FORMAT='KAFKA', PARTITIONS=1);
CREATE STREAM numbers (n INT) WITH (KAFKA_TOPIC='numbers', VALUE_FORMAT='KAFKA');
CREATE STREAM seen WITH (VALUE_FORMAT='JSON') AS SELECT n FROM numbers;
INSERT INTO raw VALUES (TO_BYTES('00000102', 'hex'));
INSERT INTO raw VALUES (TO_BYTES('000001', 'hex'));
INSERT INTO raw VALUES (TO_BYTES('0000000000000102', 'hex'));
INSERT INTO raw VALUES (TO_BYTES('FFFFFFFE', 'hex'));
ASSERT VALUES seen (n) VALUES (258);
ASSERT VALUES seen (n) VALUES (-2);

--@test: what the KAFKA format writes it reads
CREATE STREAM typed (k DOUBLE KEY, v BIGINT) WITH (KAFKA_TOPIC='typed', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM as_kafka WITH (VALUE_FORMAT='KAFKA') AS SELECT * FROM typed;
CREATE STREAM seen WITH (VALUE_FORMAT='JSON') AS SELECT * FROM as_kafka;
INSERT INTO typed VALUES (0.5, 9223372036854775807);
INSERT INTO typed VALUES (-1.5, NULL);
INSERT INTO typed VALUES (NULL, 0);
ASSERT VALUES seen (k, v) VALUES (0.5, 9223372036854775807);
ASSERT NULL VALUES seen (k) KEY (-1.5);
ASSERT VALUES seen (k, v) VALUES (NULL, 0);

--@test: the KAFKA format has one column
--@expected.error: io.confluent.ksql.util.KsqlStatementException
--@expected.message: The 'KAFKA' format only supports a single field. Got: [`A` INTEGER, `B` INTEGER]
CREATE STREAM pairs (a INT, b INT) WITH (KAFKA_TOPIC='pairs', VALUE_FORMAT='KAFKA');
