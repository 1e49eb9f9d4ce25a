--@test: JSON_SR is JSON behind a schema id
CREATE STREAM given (k INT KEY, n INT, x DECIMAL(4, 2), m MAP<STRING, DOUBLE>)
  WITH (KAFKA_TOPIC='given', FORMAT='JSON_SR', PARTITIONS=1);
CREATE STREAM raw (k BYTES KEY, line BYTES) WITH (KAFKA_TOPIC='given', FORMAT='KAFKA');
CREATE STREAM seen WITH (VALUE_FORMAT='JSON') AS SELECT FROM_BYTES(SUBSTRING(line, 1, 1), 'hex') AS zero, FROM_BYTES(SUBSTRING(line, 6), 'utf8') AS json,
  FROM_BYTES(SUBSTRING(k, 6), 'utf8') AS key FROM raw PARTITION BY NULL;
INSERT INTO given VALUES (1, 2, 1.5, MAP('a' := 1.0));
ASSERT VALUES seen (zero, json, key) VALUES ('00', '{"N":2,"X":1.50,"M":{"a":1.0}}', '1');

--@test: JSON_SR columns come back as they were written, by a schema that gives them all
CREATE STREAM given (k STRING KEY, i INT, l BIGINT, d DOUBLE, x DECIMAL(6, 2), b BOOLEAN, y BYTES, t TIMESTAMP, a ARRAY<STRUCT<f INT>>)
  WITH (KAFKA_TOPIC='given', FORMAT='JSON_SR', PARTITIONS=1);
CREATE STREAM inferred WITH (KAFKA_TOPIC='given', FORMAT='JSON_SR');
CREATE STREAM seen AS SELECT * FROM inferred;
INSERT INTO given VALUES ('k', 1, 2, 0.5, 9999.99, true, 'YWI=', '2024-02-29T12:00:00.001', ARRAY[STRUCT(f := 3), NULL]);
INSERT INTO given (k) VALUES ('l');
ASSERT VALUES seen (rowkey, i, l, d, x, b, y, t, a)
  VALUES ('k', 1, 2, 0.5, 9999.99, true, TO_BYTES('ab', 'utf8'), '2024-02-29T12:00:00.001', ARRAY[STRUCT(f := 3), NULL]);
ASSERT VALUES seen (rowkey) VALUES ('l');

--@test: JSON without an id before it is no JSON_SR
CREATE STREAM raw (line STRING) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='KAFKA', PARTITIONS=1);
CREATE STREAM given (n INT) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='JSON_SR');
CREATE STREAM seen AS SELECT n FROM given;
INSERT INTO raw VALUES ('{"n":1}');
INSERT INTO given VALUES (2);
ASSERT VALUES seen (n) VALUES (2);

--@test: the registry's schema has to be of the format's kind
--@expected.error: io.confluent.ksql.util.KsqlStatementException
--@expected.message: Value schema is not in the expected format. You may want to set VALUE_FORMAT to 'AVRO'.
CREATE STREAM given (n INT) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='AVRO', PARTITIONS=1);
CREATE STREAM other WITH (KAFKA_TOPIC='given', VALUE_FORMAT='JSON_SR');
