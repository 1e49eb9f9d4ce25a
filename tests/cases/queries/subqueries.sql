--@test: a subquery is filtered and computed on before it is selected from
CREATE STREAM orders (id INT KEY, item STRING, price DOUBLE, n INT) WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM big AS SELECT id, UCASE(item) AS item, total FROM (SELECT id, item, price * n AS total FROM orders WHERE n > 0) t WHERE t.total > 10;
INSERT INTO orders (ROWTIME, id, item, price, n) VALUES (1, 1, 'pen', 2.0, 3);
INSERT INTO orders (ROWTIME, id, item, price, n) VALUES (2, 2, 'ink', 6.0, 2);
INSERT INTO orders (ROWTIME, id, item, price, n) VALUES (3, 3, 'cap', 60.0, 0);
ASSERT VALUES big (ROWTIME, id, item, total) VALUES (2, 2, 'INK', 12.0);

--@test: counts of counts follow their rows
CREATE STREAM visits (page STRING, who STRING) WITH (KAFKA_TOPIC='visits', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE TABLE pages_by_count AS
  WITH counted AS (SELECT page, COUNT(*) AS n FROM visits GROUP BY page)
  SELECT n, COUNT(*) AS pages FROM counted GROUP BY n;
INSERT INTO visits VALUES ('a', 'x');
INSERT INTO visits VALUES ('b', 'x');
INSERT INTO visits VALUES ('a', 'y');
ASSERT VALUES pages_by_count (n, pages) VALUES (1, 1);
ASSERT VALUES pages_by_count (n, pages) VALUES (1, 2);
ASSERT VALUES pages_by_count (n, pages) VALUES (1, 1);
ASSERT VALUES pages_by_count (n, pages) VALUES (2, 1);
SELECT * FROM pages_by_count;
--= N | PAGES
--= 1 | 1
--= 2 | 1

--@test: a stream is joined with what is counted of another
CREATE STREAM visits (page STRING, who STRING) WITH (KAFKA_TOPIC='visits', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM logins (id INT, who STRING) WITH (KAFKA_TOPIC='logins', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM greeted AS
  SELECT l.who AS who, l.id AS id, v.n AS n
  FROM logins l LEFT JOIN (SELECT who, COUNT(*) AS n FROM visits GROUP BY who) v ON l.who = v.who;
INSERT INTO visits (ROWTIME, page, who) VALUES (1, 'a', 'x');
INSERT INTO visits (ROWTIME, page, who) VALUES (2, 'b', 'x');
INSERT INTO logins (ROWTIME, id, who) VALUES (3, 1, 'x');
INSERT INTO logins (ROWTIME, id, who) VALUES (4, 2, 'y');
ASSERT VALUES greeted (who, id, n) VALUES ('x', 1, 2);
ASSERT VALUES greeted (who, id, n) VALUES ('y', 2, NULL);

--@test: names of WITH see those before them and hide sources
CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
INSERT INTO s VALUES (1, 1);
INSERT INTO s VALUES (2, 2);
WITH a AS (SELECT k, v + 1 AS v FROM s), s AS (SELECT k, v * 10 AS v FROM a WHERE v > 2)
SELECT k, v FROM s EMIT CHANGES;
--= K | V
--= 2 | 30

--@test: a windowed count of what a subquery leaves
CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM (SELECT k, v FROM s WHERE v > 0) WINDOW TUMBLING (SIZE 1 SECOND) GROUP BY k;
INSERT INTO s (ROWTIME, k, v) VALUES (100, 1, 1);
INSERT INTO s (ROWTIME, k, v) VALUES (200, 1, 0);
INSERT INTO s (ROWTIME, k, v) VALUES (300, 1, 2);
SELECT k, WINDOWSTART, n FROM t;
--= K | WINDOWSTART | N
--= 1 | 1970-01-01T00:00 | 2

--@test: a stream's subquery may leave the key out, a table's may not
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: The subquery C gives a table: it must include the key
CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM keyless AS SELECT v FROM (SELECT v FROM s);
CREATE TABLE t AS SELECT n, COUNT(*) FROM (SELECT COUNT(*) AS n FROM s GROUP BY k) c GROUP BY n;

--@test: a name of WITH does not see itself
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: NOWHERE does not exist.
WITH nowhere AS (SELECT * FROM nowhere) SELECT * FROM nowhere EMIT CHANGES;

--@test: WITH gives a name once
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: WITH names A twice
CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
WITH a AS (SELECT * FROM s), a AS (SELECT * FROM s) SELECT * FROM a EMIT CHANGES;

--@test: a subquery that goes on for ever has no LIMIT
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: LIMIT is not supported in the subquery
CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
SELECT * FROM (SELECT * FROM s LIMIT 1) EMIT CHANGES;
