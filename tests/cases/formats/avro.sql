--@test: AVRO columns come back as they were written, a null as null
CREATE STREAM given (k INT KEY, i INT, l BIGINT, d DOUBLE, x DECIMAL(6, 2), b BOOLEAN, s STRING, y BYTES)
  WITH (KAFKA_TOPIC='given', FORMAT='AVRO', PARTITIONS=1);
CREATE STREAM seen AS SELECT * FROM given;
INSERT INTO given VALUES (1, -2, 300, 1.5, -12.34, true, 'aé', 'YWI=');
INSERT INTO given (k, s) VALUES (2, '');
INSERT INTO given VALUES (-3, 2147483647, 9223372036854775807, -0.25, 9999.99, false, 'x', '');
ASSERT VALUES seen (k, i, l, d, x, b, s, y) VALUES (1, -2, 300, 1.5, -12.34, true, 'aé', TO_BYTES('ab', 'utf8'));
ASSERT VALUES seen (k, i, l, d, x, b, s, y) VALUES (2, NULL, NULL, NULL, NULL, NULL, '', NULL);
ASSERT VALUES seen (k, i, l, d, x, b, s, y) VALUES (-3, 2147483647, 9223372036854775807, -0.25, 9999.99, false, 'x', TO_BYTES('', 'utf8'));

--@test: AVRO lists, maps and structs are nested as one likes
CREATE STREAM given (l ARRAY<STRUCT<a INT, m MAP<STRING, ARRAY<STRING>>>>, t TIMESTAMP, e DATE, c TIME)
  WITH (KAFKA_TOPIC='given', VALUE_FORMAT='AVRO', PARTITIONS=1);
CREATE STREAM seen AS SELECT l[1]->a AS a, l[1]->m['k'] AS m, ARRAY_LENGTH(l) AS n, t, e, c FROM given;
INSERT INTO given VALUES (ARRAY[STRUCT(a := 1, m := MAP('k' := ARRAY['x', 'y']))], '2024-02-29T12:00:00.001', '1969-12-31', '23:59:59');
INSERT INTO given (l) VALUES (ARRAY[STRUCT(a := 2, m := MAP('j' := ARRAY['z'])), STRUCT(a := 3, m := MAP('j' := ARRAY['z']))]);
INSERT INTO given (e) VALUES ('2000-01-01');
ASSERT VALUES seen (a, m, n, t, e, c) VALUES (1, ARRAY['x', 'y'], 1, '2024-02-29T12:00:00.001', '1969-12-31', '23:59:59');
ASSERT VALUES seen (a, n) VALUES (2, 2);
ASSERT VALUES seen (e) VALUES ('2000-01-01');

--@test: columns that are not declared come from the topic's schema, in capitals
CREATE STREAM given (k STRING KEY, `Amount` INT) WITH (KAFKA_TOPIC='given', FORMAT='AVRO', PARTITIONS=1);
CREATE STREAM read_again WITH (KAFKA_TOPIC='given', FORMAT='AVRO');
CREATE STREAM seen AS SELECT rowkey, amount FROM read_again;
INSERT INTO given VALUES ('a', 1);
ASSERT VALUES seen (rowkey, amount) VALUES ('a', 1);

--@test: a record that names no schema, or one that nobody registered, is skipped
CREATE STREAM raw (line BYTES) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='KAFKA', PARTITIONS=1);
CREATE STREAM given (n INT) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='AVRO');
CREATE STREAM seen AS SELECT n FROM given;
INSERT INTO given VALUES (1);
INSERT INTO raw VALUES (TO_BYTES('plain text', 'utf8'));
INSERT INTO raw VALUES (TO_BYTES('000000270F0202', 'hex'));
INSERT INTO raw VALUES (TO_BYTES('0000', 'hex'));
INSERT INTO raw VALUES (TO_BYTES('0000000001', 'hex'));
INSERT INTO raw VALUES (TO_BYTES('000000000102FFFFFFFFFFFFFFFFFFFFFF', 'hex'));
INSERT INTO raw VALUES (TO_BYTES('000000000106', 'hex'));
INSERT INTO given VALUES (2);
ASSERT VALUES seen (n) VALUES (1);
ASSERT VALUES seen (n) VALUES (2);

--@test: a bare value has no record around it, and a null one has no bytes
CREATE STREAM given (n INT) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='AVRO', WRAP_SINGLE_VALUE=false, PARTITIONS=1);
CREATE STREAM raw (line BYTES) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='KAFKA');
CREATE STREAM seen AS SELECT FROM_BYTES(SUBSTRING(line, 6), 'hex') AS line FROM raw;
INSERT INTO given VALUES (5);
ASSERT VALUES seen (line) VALUES ('0A');

--@test: a key of two columns is a record, and finds its partition by its bytes
CREATE TABLE given (a INT PRIMARY KEY, b STRING PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='given', FORMAT='AVRO', PARTITIONS=3);
CREATE TABLE seen AS SELECT a, b, v + 1 AS w FROM given;
INSERT INTO given VALUES (1, 'x', 1);
INSERT INTO given VALUES (1, 'x', 2);
ASSERT VALUES seen (a, b, w) VALUES (1, 'x', 2);
ASSERT VALUES seen (a, b, w) VALUES (1, 'x', 3);

--@test: an AVRO field cannot begin with a digit
--@expected.error: io.confluent.ksql.util.KsqlStatementException
--@expected.message: Schema is not compatible with Avro: Illegal initial character: 1st
CREATE STREAM given (`1st` INT) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='AVRO', PARTITIONS=1);

--@test: a topic without a schema gives no columns
--@expected.error: io.confluent.ksql.util.KsqlStatementException
--@expected.message: Schema for message values on topic 'given' does not exist in the Schema Registry.
CREATE STREAM given WITH (KAFKA_TOPIC='given', VALUE_FORMAT='AVRO', PARTITIONS=1);

--@test: a key that would be written with another schema is refused
--@expected.error: io.confluent.ksql.util.KsqlStatementException
--@expected.message: ksqlDB generated schema would overwrite existing key schema.
CREATE STREAM given (k INT KEY, v INT) WITH (KAFKA_TOPIC='given', FORMAT='AVRO', PARTITIONS=1);
CREATE STREAM other (k BIGINT KEY, v INT) WITH (KAFKA_TOPIC='given', FORMAT='AVRO');
INSERT INTO other VALUES (1, 1);
