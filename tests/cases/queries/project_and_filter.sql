--@test: WHERE keeps what passes and drops null values
CREATE STREAM clicks (id INT KEY, page STRING, ms BIGINT) WITH (KAFKA_TOPIC='clicks', VALUE_FORMAT='JSON');
CREATE STREAM slow AS SELECT id, UCASE(page) AS page, ms / 1000 AS secs FROM clicks WHERE ms >= 1000;
INSERT INTO clicks (ROWTIME, id, page, ms) VALUES (10, 1, 'home', 1500);
INSERT INTO clicks (ROWTIME, id, page, ms) VALUES (11, 2, 'cart', 900);
INSERT INTO clicks (ROWTIME, id, page, ms) VALUES (12, NULL, NULL, 2999);
INSERT INTO clicks (ROWTIME, id, page, ms) VALUES (13, 4, 'help', NULL);
ASSERT VALUES slow (ROWTIME, id, page, secs) VALUES (10, 1, 'HOME', 1);
ASSERT VALUES slow (ROWTIME, id, page, secs) VALUES (12, NULL, NULL, 2);

--@test: a second query reads what the first writes
CREATE STREAM numbers (k STRING KEY, n INT) WITH (KAFKA_TOPIC='numbers', FORMAT='JSON');
CREATE STREAM doubled AS SELECT k, n * 2 AS n FROM numbers;
CREATE STREAM shifted AS SELECT k, n + 1 AS n FROM doubled;
INSERT INTO numbers VALUES ('a', 1);
INSERT INTO numbers VALUES ('b', 2);
ASSERT VALUES shifted VALUES ('a', 3);
ASSERT VALUES shifted VALUES ('b', 5);

--@test: a decimal divided by zero is null, its neighbours are untouched
CREATE STREAM pairs (k INT KEY, a DECIMAL(6, 2), b DECIMAL(6, 2)) WITH (KAFKA_TOPIC='pairs', VALUE_FORMAT='JSON');
CREATE STREAM ratios AS SELECT k, a / b AS ratio, a FROM pairs;
INSERT INTO pairs VALUES (1, 1.00, 4.00);
INSERT INTO pairs VALUES (2, 1.00, 0.00);
INSERT INTO pairs VALUES (3, 9.00, 2.00);
ASSERT VALUES ratios (k, ratio, a) VALUES (1, 0.250000000, 1.00);
ASSERT VALUES ratios (k, ratio, a) VALUES (2, NULL, 1.00);
ASSERT VALUES ratios (k, ratio, a) VALUES (3, 4.500000000, 9.00);

--@test: an unknown column is refused with the near name
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: did you mean AMOUNT?
CREATE STREAM orders (id INT KEY, amount DOUBLE) WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='JSON');
CREATE STREAM big AS SELECT id, amuont FROM orders;

--@test: the key has to be selected
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: must include the key column ID in its projection
CREATE STREAM orders (id INT KEY, amount DOUBLE) WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='JSON');
CREATE STREAM big AS SELECT amount FROM orders;

--@test: STARTS_WITH takes a prefix as it is, of texts and of bytes
CREATE STREAM s (k STRING KEY, t STRING, y BYTES) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM o AS SELECT k, STARTS_WITH(t, '50%') AS a, STARTS_WITH(y, TO_BYTES('01', 'hex')) AS b FROM s;
INSERT INTO s (k, t, y) VALUES ('x', '50% off', 'AQI=');
INSERT INTO s (k, t) VALUES ('y', '500 off');
ASSERT VALUES o (k, a, b) VALUES ('x', true, true);
ASSERT VALUES o (k, a, b) VALUES ('y', false, NULL);

--@test: a function that ksqlDB does not have is refused in strict mode
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Can't find any functions with the name 'STARTS_WITH'
SET 'streamsql.strict' = 'true';
CREATE STREAM s (k STRING KEY, t STRING) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM o AS SELECT k, LEN(t) + CASE WHEN STARTS_WITH(t, 'a') THEN 1 ELSE 0 END AS n FROM s;

--@test: SHA256 names a value without telling it, the same for a text and its bytes
CREATE STREAM people (id INT KEY, email STRING) WITH (KAFKA_TOPIC='people', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM hidden AS SELECT id, SHA256(email) AS a, SHA256(TO_BYTES(email, 'utf8')) AS b FROM people;
INSERT INTO people VALUES (1, 'ann@x.org');
INSERT INTO people (id) VALUES (2);
ASSERT VALUES hidden (id, a, b) VALUES (1, '367a1e74302c7324855afeeba387d3c55ca8ab3592a32c0fbdfc939ad80fcaf5', '367a1e74302c7324855afeeba387d3c55ca8ab3592a32c0fbdfc939ad80fcaf5');
ASSERT VALUES hidden (id, a, b) VALUES (2, NULL, NULL);
