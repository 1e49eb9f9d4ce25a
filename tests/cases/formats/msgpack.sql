--@test: MSGPACK columns come back as they were written, a null as null
CREATE STREAM given (k INT KEY, i INT, l BIGINT, d DOUBLE, x DECIMAL(6, 2), b BOOLEAN, s STRING, y BYTES, t TIMESTAMP)
  WITH (KAFKA_TOPIC='given', FORMAT='MSGPACK', PARTITIONS=1);
CREATE STREAM seen AS SELECT * FROM given;
INSERT INTO given VALUES (1, -2, 9223372036854775807, 1.5, -12.30, true, 'aé', 'YWI=', '2024-02-29T12:00:00.001');
INSERT INTO given (k, s) VALUES (2, '');
ASSERT VALUES seen (k, i, l, d, x, b, s, y, t) VALUES (1, -2, 9223372036854775807, 1.5, -12.30, true, 'aé', TO_BYTES('ab', 'utf8'), '2024-02-29T12:00:00.001');
ASSERT VALUES seen (k, i, l, d, x, b, s, y, t) VALUES (2, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL);

--@test: MSGPACK lists, maps and structs are nested as one likes
CREATE STREAM given (l ARRAY<STRUCT<a INT, m MAP<STRING, ARRAY<DECIMAL(4, 1)>>>>)
  WITH (KAFKA_TOPIC='given', VALUE_FORMAT='MSGPACK', WRAP_SINGLE_VALUE=false, PARTITIONS=1);
CREATE STREAM seen AS SELECT l[1]->a AS a, l[1]->m['k'][2] AS m FROM given;
INSERT INTO given VALUES (ARRAY[STRUCT(a := 1, m := MAP('k' := ARRAY[1.5, 2.0]))]);
ASSERT VALUES seen (a, m) VALUES (1, 2.0);

--@test: a record that is no MessagePack is skipped, its neighbours are untouched
CREATE STREAM bytes (y BYTES) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='KAFKA', PARTITIONS=1);
CREATE STREAM given (a INT, s STRING) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='MSGPACK');
CREATE STREAM seen AS SELECT * FROM given;
INSERT INTO bytes VALUES (TO_BYTES('82a16107a173a178', 'hex'));
INSERT INTO bytes VALUES (TO_BYTES('82a161', 'hex'));
INSERT INTO bytes VALUES (TO_BYTES('81a161a178', 'hex'));
INSERT INTO bytes VALUES (TO_BYTES('81a141cb4000000000000000', 'hex'));
ASSERT VALUES seen (a, s) VALUES (7, 'x');
ASSERT VALUES seen (a, s) VALUES (2, NULL);

--@test: a MSGPACK map needs names as keys
--@expected.error: io.confluent.ksql.util.KsqlStatementException
--@expected.message: MSGPACK only supports MAP types with STRING keys
CREATE STREAM given (m MAP<INT, INT>) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='MSGPACK', PARTITIONS=1);
