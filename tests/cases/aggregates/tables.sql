--@test: a row that moves leaves its old group first
CREATE TABLE people (id INT PRIMARY KEY, city STRING, age INT) WITH (KAFKA_TOPIC='people', VALUE_FORMAT='JSON');
CREATE TABLE cities AS SELECT city, COUNT(*) AS n, SUM(age) AS sum_of_ages, COLLECT_LIST(age) AS ages FROM people GROUP BY city;
INSERT INTO people VALUES (1, 'Rome', 30);
INSERT INTO people VALUES (2, 'Rome', 40);
INSERT INTO people VALUES (1, 'Oslo', 31);
INSERT INTO people VALUES (2, 'Rome', 41);
ASSERT VALUES cities VALUES ('Rome', 1, 30, ARRAY[30]);
ASSERT VALUES cities VALUES ('Rome', 2, 70, ARRAY[30, 40]);
ASSERT VALUES cities VALUES ('Rome', 1, 40, ARRAY[40]);
ASSERT VALUES cities VALUES ('Oslo', 1, 31, ARRAY[31]);
ASSERT VALUES cities VALUES ('Rome', 1, 41, ARRAY[41]);

--@test: values are kept, ranked and counted
CREATE STREAM sales (id INT KEY, shop STRING, amount INT) WITH (KAFKA_TOPIC='sales', VALUE_FORMAT='JSON');
CREATE TABLE seen AS SELECT shop, TOPK(amount, 2) AS best, COUNT_DISTINCT(amount) AS kinds, LATEST_BY_OFFSET(amount) AS latest, EARLIEST_BY_OFFSET(amount, 2) AS earliest FROM sales GROUP BY shop;
INSERT INTO sales VALUES (1, 'a', 5);
INSERT INTO sales VALUES (2, 'a', NULL);
INSERT INTO sales VALUES (3, 'a', 9);
INSERT INTO sales VALUES (4, 'a', 5);
ASSERT VALUES seen VALUES ('a', ARRAY[5], 1, 5, ARRAY[5]);
ASSERT VALUES seen VALUES ('a', ARRAY[5], 1, 5, ARRAY[5]);
ASSERT VALUES seen VALUES ('a', ARRAY[9, 5], 2, 9, ARRAY[5, 9]);
ASSERT VALUES seen VALUES ('a', ARRAY[9, 5], 2, 5, ARRAY[5, 9]);
