-- What an expression throws: its column is NULL and the processing log has an entry; the records
-- beside it are untouched.

--@test: a cast that throws is null and one entry of the processing log, and others are untouched
CREATE STREAM log (message STRUCT<type INT, recordProcessingError STRUCT<`partition` INT, `offset` BIGINT, errorMessage STRING>>)
  WITH (KAFKA_TOPIC='default_ksql_processing_log', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM s (k STRING KEY, x STRING) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM o AS SELECT k, CAST(x AS INT) AS n, COALESCE(CAST(x AS INT), 7) AS m FROM s;
INSERT INTO s (k, x) VALUES ('a', '1');
INSERT INTO s (k, x) VALUES ('b', 'x');
INSERT INTO s (k, x) VALUES ('c', '3');
INSERT INTO s (k) VALUES ('d');
ASSERT VALUES o (k, n, m) VALUES ('a', 1, 1);
ASSERT VALUES o (k, n, m) VALUES ('b', NULL, 7);
ASSERT VALUES o (k, n, m) VALUES ('c', 3, 3);
ASSERT VALUES o (k, n, m) VALUES ('d', NULL, 7);
ASSERT VALUES log (message) VALUES (STRUCT(type := 1, recordProcessingError := STRUCT(`partition` := 0, `offset` := 1, errorMessage := 'Error computing expression CAST(X AS INTEGER) for column N with index 0')));
ASSERT VALUES log (message) VALUES (STRUCT(type := 1, recordProcessingError := STRUCT(`partition` := 0, `offset` := 1, errorMessage := 'Error computing expression COALESCE(CAST(X AS INTEGER), 7) for column M with index 1')));

--@test: a branch that is not taken throws nothing
CREATE STREAM log (message STRUCT<recordProcessingError STRUCT<`offset` BIGINT, errorMessage STRING>>)
  WITH (KAFKA_TOPIC='default_ksql_processing_log', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM s (k STRING KEY, n INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM o AS SELECT k, CASE WHEN n <> 0 THEN 10 / n ELSE 1 / (n - 3) END AS q, 6 / (n - 3) AS r FROM s;
INSERT INTO s (k, n) VALUES ('a', 3);
INSERT INTO s (k, n) VALUES ('b', 0);
INSERT INTO s (k) VALUES ('c');
ASSERT VALUES o (k, q, r) VALUES ('a', 3, NULL);
ASSERT VALUES o (k, q, r) VALUES ('b', 0, -2);
ASSERT VALUES o (k, q, r) VALUES ('c', NULL, NULL);
ASSERT VALUES log (message) VALUES (STRUCT(recordProcessingError := STRUCT(`offset` := 0, errorMessage := 'Error computing expression (6 / (N - 3)) for column R with index 1')));

--@test: a row for which WHERE throws is dropped and logged
CREATE STREAM log (message STRUCT<recordProcessingError STRUCT<`offset` BIGINT, errorMessage STRING>>)
  WITH (KAFKA_TOPIC='default_ksql_processing_log', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM s (k STRING KEY, n INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM o AS SELECT k, n FROM s WHERE 10 / n > 1;
INSERT INTO s (k, n) VALUES ('a', 5);
INSERT INTO s (k, n) VALUES ('b', 0);
INSERT INTO s (k, n) VALUES ('c', 10);
ASSERT VALUES o (k, n) VALUES ('a', 5);
ASSERT VALUES log (message) VALUES (STRUCT(recordProcessingError := STRUCT(`offset` := 1, errorMessage := 'Error evaluating predicate ((10 / N) > 1)')));

--@test: a key that throws is null and logged
CREATE STREAM log (message STRUCT<recordProcessingError STRUCT<`offset` BIGINT, errorMessage STRING>>)
  WITH (KAFKA_TOPIC='default_ksql_processing_log', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM s (k STRING KEY, n INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM o AS SELECT 10 / n AS q, k, n FROM s PARTITION BY 10 / n;
INSERT INTO s (k, n) VALUES ('a', 5);
INSERT INTO s (k, n) VALUES ('b', 0);
ASSERT VALUES o (q, k, n) VALUES (2, 'a', 5);
ASSERT VALUES o (q, k, n) VALUES (NULL, 'b', 0);
ASSERT VALUES log (message) VALUES (STRUCT(recordProcessingError := STRUCT(`offset` := 1, errorMessage := 'Error computing new key from expression (10 / N)')));

--@test: a row whose group throws or is null is in no group and logged, an argument that throws is null
CREATE STREAM log (message STRUCT<recordProcessingError STRUCT<`offset` BIGINT, errorMessage STRING>>)
  WITH (KAFKA_TOPIC='default_ksql_processing_log', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM s (k STRING KEY, n INT, m INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE TABLE o AS SELECT 10 / n AS q, COUNT(*) AS c, SUM(10 / m) AS t FROM s GROUP BY 10 / n;
INSERT INTO s (k, n, m) VALUES ('a', 5, 5);
INSERT INTO s (k, n, m) VALUES ('b', 0, 5);
INSERT INTO s (k, n, m) VALUES ('c', 5, 0);
INSERT INTO s (k, m) VALUES ('d', 5);
ASSERT VALUES o (q, c, t) VALUES (2, 1, 2);
ASSERT VALUES o (q, c, t) VALUES (2, 2, 2);
ASSERT VALUES log (message) VALUES (STRUCT(recordProcessingError := STRUCT(`offset` := 1, errorMessage := 'Error calculating group-by column with index 0. The source row will be excluded from the table.')));
ASSERT VALUES log (message) VALUES (STRUCT(recordProcessingError := STRUCT(`offset` := 2, errorMessage := 'Error computing expression (10 / M) for column KSQL_INTERNAL_COL_0 with index 0')));
ASSERT VALUES log (message) VALUES (STRUCT(recordProcessingError := STRUCT(`offset` := 3, errorMessage := 'Group-by column with index 0 resolved to null. The source row will be excluded from the table.')));

--@test: a table's row for which HAVING throws goes as one that does not pass, and is logged
CREATE STREAM log (message STRUCT<recordProcessingError STRUCT<errorMessage STRING>>)
  WITH (KAFKA_TOPIC='default_ksql_processing_log', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM s (k STRING KEY, n INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE TABLE o AS SELECT k, SUM(n) AS t FROM s GROUP BY k HAVING 10 / SUM(n) >= 1;
INSERT INTO s (k, n) VALUES ('a', 5);
INSERT INTO s (k, n) VALUES ('a', -5);
ASSERT VALUES o (k, t) VALUES ('a', 5);
ASSERT NULL VALUES o (k) KEY ('a');
ASSERT VALUES log (message) VALUES (STRUCT(recordProcessingError := STRUCT(errorMessage := 'Error evaluating predicate ((10 / SUM(N)) >= 1)')));

--@test: a table function whose argument throws gives no row and an entry, beside others it is null
CREATE STREAM log (message STRUCT<recordProcessingError STRUCT<`offset` BIGINT, errorMessage STRING>>)
  WITH (KAFKA_TOPIC='default_ksql_processing_log', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM s (k STRING KEY, n INT, m INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM o AS SELECT k, EXPLODE(ARRAY[10 / n]) AS a, EXPLODE(ARRAY[20 / m, 1]) AS b FROM s;
INSERT INTO s (k, n, m) VALUES ('a', 0, 0);
INSERT INTO s (k, n, m) VALUES ('b', 0, 5);
ASSERT VALUES o (k, a, b) VALUES ('b', NULL, 4);
ASSERT VALUES o (k, a, b) VALUES ('b', NULL, 1);
ASSERT VALUES log (message) VALUES (STRUCT(recordProcessingError := STRUCT(`offset` := 0, errorMessage := 'Table function EXPLODE threw an exception')));
ASSERT VALUES log (message) VALUES (STRUCT(recordProcessingError := STRUCT(`offset` := 0, errorMessage := 'Table function EXPLODE threw an exception')));
ASSERT VALUES log (message) VALUES (STRUCT(recordProcessingError := STRUCT(`offset` := 1, errorMessage := 'Table function EXPLODE threw an exception')));

--@test: entries of rows that a later filter or join drops are not lost
CREATE STREAM log (message STRUCT<recordProcessingError STRUCT<`offset` BIGINT, errorMessage STRING>>)
  WITH (KAFKA_TOPIC='default_ksql_processing_log', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM s (k STRING KEY, n INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE TABLE t (k INT PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM o AS SELECT t.k AS q, s.k AS k, v FROM s JOIN t ON 10 / s.n = t.k;
INSERT INTO t (k, v) VALUES (2, 1);
INSERT INTO s (k, n) VALUES ('a', 5);
INSERT INTO s (k, n) VALUES ('b', 0);
ASSERT VALUES o (q, k, v) VALUES (2, 'a', 1);
ASSERT VALUES log (message) VALUES (STRUCT(recordProcessingError := STRUCT(`offset` := 1, errorMessage := 'Error computing new key from expression (10 / N)')));

--@test: a length that would take the memory of all is thrown, and the query goes on
CREATE STREAM s (k STRING KEY, n INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM o AS SELECT k, LEN(LPAD(k, n, 'xy')) AS a, LEN(RPAD(TO_BYTES('00', 'hex'), n, TO_BYTES('01', 'hex'))) AS b,
  ARRAY_LENGTH(GENERATE_SERIES(0, n)) AS c, ARRAY_LENGTH(GENERATE_SERIES(n, 0, -1)) AS d FROM s;
INSERT INTO s (k, n) VALUES ('a', 2147483647);
INSERT INTO s (k, n) VALUES ('b', 3);
ASSERT VALUES o (k, a, b, c, d) VALUES ('a', NULL, NULL, NULL, NULL);
ASSERT VALUES o (k, a, b, c, d) VALUES ('b', 3, 3, 4, 4);
