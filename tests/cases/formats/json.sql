--@test: JSON fields are found in any letters, the exact name first, the last of a repeated one
CREATE STREAM raw (line STRING) WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='KAFKA', PARTITIONS=1);
CREATE STREAM typed (amount INT, `exact` INT) WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='JSON');
CREATE STREAM seen AS SELECT amount, `exact` FROM typed;
INSERT INTO raw VALUES ('{"amount":1,"exact":1}');
INSERT INTO raw VALUES ('{"Amount":2,"EXACT":2}');
INSERT INTO raw VALUES ('{"amount":3,"AMOUNT":4,"exact":5,"exact":6}');
INSERT INTO raw VALUES ('{"\u0061mount":7}');
INSERT INTO raw VALUES ('{"other":{"amount":8},"list":[{"amount":9}]}');
ASSERT VALUES seen (amount, `exact`) VALUES (1, 1);
ASSERT VALUES seen (amount, `exact`) VALUES (2, NULL);
ASSERT VALUES seen (amount, `exact`) VALUES (4, 6);
ASSERT VALUES seen (amount, `exact`) VALUES (7, NULL);
ASSERT VALUES seen (amount, `exact`) VALUES (NULL, NULL);

--@test: JSON numbers and texts are read as each other where ksqlDB does, between ordinary records
CREATE STREAM raw (line STRING) WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='KAFKA', PARTITIONS=1);
CREATE STREAM typed (n BIGINT, d DOUBLE, x DECIMAL(6, 2), s STRING)
  WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='JSON');
CREATE STREAM seen AS SELECT * FROM typed;
INSERT INTO raw VALUES ('{"n":1,"d":1.5,"x":1.5,"s":"a"}');
INSERT INTO raw VALUES ('{"n":-1.9,"d":2,"x":"10.10","s":1.50}');
INSERT INTO raw VALUES ('{"n":"12","d":"2.5","x":7,"s":true}');
INSERT INTO raw VALUES ('{"n":1e3,"d":null,"s":[1,"b",null]}');
INSERT INTO raw VALUES ('{"n":2,"d":0.5,"x":0,"s":"z"}');
ASSERT VALUES seen (n, d, x, s) VALUES (1, 1.5, 1.50, 'a');
ASSERT VALUES seen (n, d, x, s) VALUES (-1, 2.0, 10.10, '1.50');
ASSERT VALUES seen (n, d, x, s) VALUES (12, 2.5, 7.00, 'true');
ASSERT VALUES seen (n, d, x, s) VALUES (1000, NULL, NULL, '[1, b, null]');
ASSERT VALUES seen (n, d, x, s) VALUES (2, 0.5, 0.00, 'z');

--@test: a record that is no JSON of its columns is skipped, its neighbours are untouched
CREATE STREAM raw (line STRING) WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='KAFKA', PARTITIONS=1);
CREATE STREAM typed (n INT, ok BOOLEAN, x DECIMAL(4, 2))
  WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='JSON');
CREATE STREAM seen AS SELECT n FROM typed;
INSERT INTO raw VALUES ('{"n":1}');
INSERT INTO raw VALUES ('{"n":2,}');
INSERT INTO raw VALUES ('{"n":3');
INSERT INTO raw VALUES ('{"n":"four"}');
INSERT INTO raw VALUES ('{"n":5,"ok":"true"}');
INSERT INTO raw VALUES ('{"n":6,"x":1.234}');
INSERT INTO raw VALUES ('{"n":7,"x":123.4}');
INSERT INTO raw VALUES ('{"n":3000000000}');
INSERT INTO raw VALUES ('{"n":9,"other":NaN}');
INSERT INTO raw VALUES ('[]');
INSERT INTO raw VALUES ('');
INSERT INTO raw VALUES ('{"n":12,"ok":true,"x":1.2} and more');
INSERT INTO raw VALUES ('{"n":13}');
ASSERT VALUES seen (n) VALUES (1);
ASSERT VALUES seen (n) VALUES (12);
ASSERT VALUES seen (n) VALUES (13);

--@test: a JSON record is written without spaces, a double and a decimal with their digits
CREATE STREAM typed (n INT, d DOUBLE, x DECIMAL(6, 4), s STRING, b BYTES, t TIMESTAMP, l ARRAY<DOUBLE>)
  WITH (KAFKA_TOPIC='typed', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM copied WITH (KAFKA_TOPIC='copied') AS SELECT * FROM typed;
CREATE STREAM raw (line STRING) WITH (KAFKA_TOPIC='copied', VALUE_FORMAT='KAFKA');
CREATE STREAM lines AS SELECT line FROM raw;
INSERT INTO typed VALUES (1, 1E10, 10, 'a"/é', TO_BYTES('{', 'ascii'), '1970-01-01T00:00:00.010', ARRAY[1E0, 0.5]);
ASSERT VALUES lines (line) VALUES
  ('{"N":1,"D":1.0E10,"X":10.0000,"S":"a\"/é","B":"ew==","T":10,"L":[1.0,0.5]}');

--@test: a single value column stands in an object, or alone where it is not wrapped
CREATE STREAM numbers (v DOUBLE) WITH (KAFKA_TOPIC='numbers', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM bare WITH (KAFKA_TOPIC='bare', WRAP_SINGLE_VALUE=false) AS SELECT v FROM numbers;
CREATE STREAM wrapped WITH (KAFKA_TOPIC='wrapped') AS SELECT v FROM bare;
CREATE STREAM bare_raw (line STRING) WITH (KAFKA_TOPIC='bare', VALUE_FORMAT='KAFKA');
CREATE STREAM wrapped_raw (line STRING) WITH (KAFKA_TOPIC='wrapped', VALUE_FORMAT='KAFKA');
CREATE STREAM bare_lines AS SELECT line FROM bare_raw;
CREATE STREAM wrapped_lines AS SELECT line FROM wrapped_raw;
INSERT INTO numbers VALUES (2.5);
ASSERT VALUES bare_lines (line) VALUES ('2.5');
ASSERT VALUES wrapped_lines (line) VALUES ('{"V":2.5}');

--@test: JSON keys of one column are bare, of several an object
CREATE STREAM pairs (a INT KEY, b STRING KEY, v INT)
  WITH (KAFKA_TOPIC='pairs', FORMAT='JSON', PARTITIONS=1);
CREATE STREAM by_b AS SELECT b, a, v FROM pairs PARTITION BY b;
INSERT INTO pairs VALUES (1, 'x', 10);
INSERT INTO pairs VALUES (2, NULL, 20);
ASSERT VALUES by_b (b, a, v) VALUES ('x', 1, 10);
ASSERT VALUES by_b (b, a, v) VALUES (NULL, 2, 20);

--@test: a JSON map needs names as keys
--@expected.error: io.confluent.ksql.util.KsqlStatementException
--@expected.message: JSON only supports MAP types with STRING keys
CREATE STREAM maps (m MAP<INT, DOUBLE>) WITH (KAFKA_TOPIC='maps', VALUE_FORMAT='JSON');
