--@test: every record of a group gives a change, each with all that came before
CREATE STREAM sales (id INT KEY, shop STRING, amount INT) WITH (KAFKA_TOPIC='sales', VALUE_FORMAT='JSON');
CREATE TABLE totals AS SELECT shop, COUNT(*) AS n, SUM(amount) AS total, MIN(amount) AS least, MAX(amount) AS most, AVG(amount) AS mean FROM sales GROUP BY shop;
INSERT INTO sales (ROWTIME, id, shop, amount) VALUES (100, 1, 'north', 10);
INSERT INTO sales (ROWTIME, id, shop, amount) VALUES (101, 2, 'south', 7);
INSERT INTO sales (ROWTIME, id, shop, amount) VALUES (90, 3, 'north', 30);
INSERT INTO sales (ROWTIME, id, shop, amount) VALUES (103, 4, NULL, 99);
INSERT INTO sales (ROWTIME, id, shop, amount) VALUES (104, 5, 'north', NULL);
ASSERT VALUES totals (ROWTIME, shop, n, total, least, most, mean) VALUES (100, 'north', 1, 10, 10, 10, 10.0);
ASSERT VALUES totals (ROWTIME, shop, n, total, least, most, mean) VALUES (101, 'south', 1, 7, 7, 7, 7.0);
ASSERT VALUES totals (ROWTIME, shop, n, total, least, most, mean) VALUES (100, 'north', 2, 40, 10, 30, 20.0);
ASSERT VALUES totals (ROWTIME, shop, n, total, least, most, mean) VALUES (104, 'north', 3, 40, 10, 30, 20.0);

--@test: HAVING takes back what no longer passes, once
CREATE STREAM votes (id INT KEY, choice STRING, weight INT) WITH (KAFKA_TOPIC='votes', VALUE_FORMAT='JSON');
CREATE TABLE winners AS SELECT choice, SUM(weight) AS weight FROM votes GROUP BY choice HAVING SUM(weight) > 10;
INSERT INTO votes VALUES (1, 'red', 5);
INSERT INTO votes VALUES (2, 'red', 6);
INSERT INTO votes VALUES (3, 'red', -8);
INSERT INTO votes VALUES (4, 'red', -1);
ASSERT VALUES winners VALUES ('red', 11);
ASSERT NULL VALUES winners (choice) KEY ('red');

--@test: a sum of doubles is the same however the records are cut
CREATE STREAM readings (id INT KEY, sensor INT, v DOUBLE) WITH (KAFKA_TOPIC='readings', VALUE_FORMAT='JSON');
CREATE TABLE sums AS SELECT sensor, SUM(v) AS total FROM readings GROUP BY sensor;
INSERT INTO readings VALUES (1, 7, 0.1);
INSERT INTO readings VALUES (2, 7, 1e16);
INSERT INTO readings VALUES (3, 7, 0.3);
INSERT INTO readings VALUES (4, 7, -1e16);
ASSERT VALUES sums VALUES (7, 0.1);
ASSERT VALUES sums VALUES (7, 1e16);
ASSERT VALUES sums VALUES (7, 1e16);
ASSERT VALUES sums VALUES (7, 0.0);

--@test: a sum of doubles beside another query's count is computed in the same engine
CREATE STREAM s (k STRING KEY, v DOUBLE) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE TABLE counts AS SELECT k, COUNT(*) AS c FROM s GROUP BY k;
CREATE TABLE sums AS SELECT k, SUM(v) AS t FROM s GROUP BY k;
INSERT INTO s (k, v) VALUES ('a', 1.5);
ASSERT VALUES counts (k, c) VALUES ('a', 1);
ASSERT VALUES sums (k, t) VALUES ('a', 1.5);
