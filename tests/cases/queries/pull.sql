--@test: a key is looked up, ranged over and listed
CREATE TABLE people (id INT PRIMARY KEY, name STRING) WITH (KAFKA_TOPIC='people', VALUE_FORMAT='JSON');
CREATE TABLE known AS SELECT id, name FROM people;
INSERT INTO people VALUES (1, 'Ada');
INSERT INTO people VALUES (2, 'Bob');
INSERT INTO people VALUES (3, 'Cyd');
SELECT * FROM known WHERE id = 2;
--= ID | NAME
--= 2 | Bob
SELECT name, id + 10 AS more FROM known WHERE id > 1;
--= NAME | MORE
--= Bob | 12
--= Cyd | 13
SELECT id FROM known WHERE id IN (3, 1, 9) LIMIT 1;
--= ID
--= 1

--@test: the window's bounds of a pull query are compared with times
CREATE STREAM hits (page STRING KEY, ms INT) WITH (KAFKA_TOPIC='hits', VALUE_FORMAT='JSON');
CREATE TABLE per_minute AS SELECT page, COUNT(*) AS n FROM hits WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY page;
INSERT INTO hits (ROWTIME, page, ms) VALUES (0, 'a', 5);
INSERT INTO hits (ROWTIME, page, ms) VALUES (61000, 'a', 5);
INSERT INTO hits (ROWTIME, page, ms) VALUES (62000, 'a', 5);
SELECT * FROM per_minute WHERE page = 'a' AND WINDOWSTART >= '1970-01-01T00:01';
--= PAGE | WINDOWSTART | WINDOWEND | N
--= a | 1970-01-01T00:01 | 1970-01-01T00:02 | 2

--@test: a header of a source table is a column of its rows
CREATE SOURCE TABLE tagged (k INT PRIMARY KEY, v STRING, tag BYTES HEADER('tag')) WITH (KAFKA_TOPIC='tagged', VALUE_FORMAT='JSON', PARTITIONS=1);
SELECT * FROM tagged;
--= K | V | TAG

--@test: a comparison that cannot be is shown with its statement
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Statement: (ID = 'x')
CREATE SOURCE TABLE t (id INT PRIMARY KEY, v STRING) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=1);
SELECT * FROM t WHERE v = 'y' AND id = 'x';

--@test: LIKE wants a column of texts
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: The column type for Like condition must be VARCHAR. The column type is INTEGER
CREATE SOURCE TABLE t (id INT PRIMARY KEY, v STRING) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=1);
SELECT * FROM t WHERE id LIKE '1%';
