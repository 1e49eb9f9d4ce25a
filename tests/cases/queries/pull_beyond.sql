--@test: groups, HAVING, ORDER BY and LIMIT over a table
CREATE TABLE people (id INT PRIMARY KEY, city STRING, age INT, pay DOUBLE) WITH (KAFKA_TOPIC='people', VALUE_FORMAT='JSON');
CREATE TABLE known AS SELECT * FROM people;
INSERT INTO people VALUES (1, 'Rome', 20, 1.5);
INSERT INTO people VALUES (2, 'Rome', 30, 2.5);
INSERT INTO people VALUES (3, 'Oslo', 40, 0.1);
INSERT INTO people VALUES (4, 'Bonn', 50, NULL);
SELECT city, COUNT(*) AS n, AVG(age) AS age, SUM(pay) AS pay, COLLECT_LIST(id) AS ids FROM known GROUP BY city HAVING COUNT(*) > 0 ORDER BY n DESC, city;
--= CITY | N | AGE | PAY | IDS
--= Rome | 2 | 25.0 | 4.0 | [1, 2]
--= Bonn | 1 | 50.0 | 0.0 | [4]
--= Oslo | 1 | 40.0 | 0.1 | [3]
SELECT COUNT(*) AS n, MAX(age) AS oldest, COUNT_DISTINCT(city) AS cities, STDDEV_SAMP(age) AS v, TOPK(age, 2) AS top FROM known WHERE id < 4;
--= N | OLDEST | CITIES | V | TOP
--= 3 | 40 | 2 | 100.0 | [40, 30]
SELECT COUNT(*) AS n, SUM(age) AS s, MIN(city) AS c FROM known WHERE id > 40;
--= N | S | C
--= 0 | 0 | null
SELECT id, age FROM known ORDER BY age DESC LIMIT 2;
--= ID | AGE
--= 4 | 50
--= 3 | 40
SELECT DISTINCT city FROM known ORDER BY 1 DESC;
--= CITY
--= Rome
--= Oslo
--= Bonn

--@test: joins on any condition, and of streams
CREATE TABLE people (id INT PRIMARY KEY, name STRING, boss INT) WITH (KAFKA_TOPIC='people', VALUE_FORMAT='JSON');
CREATE TABLE known AS SELECT * FROM people;
CREATE STREAM paid (who INT, amount DECIMAL(6, 2)) WITH (KAFKA_TOPIC='paid', VALUE_FORMAT='JSON', PARTITIONS=1);
INSERT INTO people VALUES (1, 'Ada', NULL);
INSERT INTO people VALUES (2, 'Bob', 1);
INSERT INTO people VALUES (3, 'Cyd', 1);
INSERT INTO paid VALUES (2, 10.00);
INSERT INTO paid VALUES (2, 5.50);
INSERT INTO paid VALUES (9, 1.00);
SELECT p.name AS name, b.name AS boss FROM known p JOIN known b ON p.boss = b.id ORDER BY name DESC;
--= NAME | BOSS
--= Cyd | Ada
--= Bob | Ada
SELECT p.name, SUM(x.amount) AS paid FROM known p LEFT JOIN paid x ON x.who = p.id AND x.amount > 5 GROUP BY p.name;
--= NAME | PAID
--= Ada | 0.00
--= Bob | 15.50
--= Cyd | 0.00
SELECT * FROM known k FULL JOIN paid x ON k.id = x.who WHERE k.id IS NULL OR x.who IS NULL;
--= K_ID | K_NAME | K_BOSS | X_WHO | X_AMOUNT
--= 1 | Ada | null | null | null
--= 3 | Cyd | 1 | null | null
--= null | null | null | 9 | 1.00

--@test: subqueries and WITH, with their own ORDER BY and LIMIT
CREATE STREAM visits (page STRING, who STRING) WITH (KAFKA_TOPIC='visits', VALUE_FORMAT='JSON', PARTITIONS=1);
INSERT INTO visits (ROWTIME, page, who) VALUES (1, 'a', 'x');
INSERT INTO visits (ROWTIME, page, who) VALUES (2, 'b', 'x');
INSERT INTO visits (ROWTIME, page, who) VALUES (3, 'a', 'y');
WITH counted AS (SELECT page, COUNT(*) AS n FROM visits GROUP BY page),
     best AS (SELECT page FROM counted ORDER BY n DESC LIMIT 1)
SELECT v.who, v.page, v.ROWTIME FROM visits v JOIN best b ON v.page = b.page;
--= WHO | V_PAGE | ROWTIME
--= x | a | 1
--= y | a | 3
SELECT UCASE(who) AS who, LATEST_BY_OFFSET(page) AS last FROM (SELECT * FROM visits WHERE ROWTIME > 1) GROUP BY UCASE(who);
--= WHO | LAST
--= X | b
--= Y | a

--@test: a declared table is read from its topic, the last of each key
CREATE TABLE people (id INT PRIMARY KEY, name STRING) WITH (KAFKA_TOPIC='people', VALUE_FORMAT='JSON', PARTITIONS=2);
INSERT INTO people VALUES (1, 'Ada');
INSERT INTO people VALUES (2, 'Bob');
INSERT INTO people VALUES (1, 'Eve');
SELECT * FROM people ORDER BY id;
--= ID | NAME
--= 1 | Eve
--= 2 | Bob
SELECT name FROM people WHERE id = 1;
--= NAME
--= Eve

--@test: windows are rows of a windowed table
CREATE STREAM hits (page STRING KEY, ms INT) WITH (KAFKA_TOPIC='hits', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE TABLE per_minute AS SELECT page, COUNT(*) AS n FROM hits WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY page;
INSERT INTO hits (ROWTIME, page, ms) VALUES (0, 'a', 1);
INSERT INTO hits (ROWTIME, page, ms) VALUES (61000, 'a', 1);
INSERT INTO hits (ROWTIME, page, ms) VALUES (62000, 'b', 1);
SELECT * FROM per_minute ORDER BY WINDOWSTART DESC, page;
--= PAGE | WINDOWSTART | WINDOWEND | N
--= a | 1970-01-01T00:01 | 1970-01-01T00:02 | 1
--= b | 1970-01-01T00:01 | 1970-01-01T00:02 | 1
--= a | 1970-01-01T00:00 | 1970-01-01T00:01 | 1
SELECT WINDOWSTART, SUM(n) AS n FROM per_minute GROUP BY WINDOWSTART;
--= WINDOWSTART | N
--= 1970-01-01T00:00 | 1
--= 1970-01-01T00:01 | 2

--@test: strict mode has none of it
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Pull queries don't support GROUP BY clauses.
CREATE TABLE people (id INT PRIMARY KEY, name STRING) WITH (KAFKA_TOPIC='people', VALUE_FORMAT='JSON', PARTITIONS=2);
CREATE TABLE known AS SELECT * FROM people;
SET 'streamsql.strict'='true';
SELECT name, COUNT(*) FROM known GROUP BY name;

--@test: a query that goes on for ever is not ordered
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: ORDER BY is not supported in a query that goes on for ever.
CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
SELECT * FROM s ORDER BY v EMIT CHANGES;

--@test: a column outside the groups
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Non-aggregate SELECT expression(s) not part of GROUP BY: V
CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
SELECT k, v, COUNT(*) FROM s GROUP BY k;
