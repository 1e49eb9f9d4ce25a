--@test: both tables of a full join emit, and what is gone leaves a tombstone
CREATE TABLE cities (id INT PRIMARY KEY, city STRING) WITH (KAFKA_TOPIC='cities', VALUE_FORMAT='JSON');
CREATE TABLE mayors (id INT PRIMARY KEY, mayor STRING) WITH (KAFKA_TOPIC='mayors', VALUE_FORMAT='JSON');
CREATE TABLE places AS SELECT ROWKEY AS id, city, mayor FROM cities c FULL OUTER JOIN mayors m ON c.id = m.id;
INSERT INTO cities (ROWTIME, id, city) VALUES (10, 1, 'Rome');
INSERT INTO mayors (ROWTIME, id, mayor) VALUES (5, 1, 'Ada');
INSERT INTO mayors (ROWTIME, id, mayor) VALUES (20, 2, 'Bo');
INSERT INTO cities (ROWTIME, id, city) VALUES (30, 1, 'Roma');
ASSERT VALUES places (ROWTIME, id, city, mayor) VALUES (10, 1, 'Rome', NULL);
ASSERT VALUES places (ROWTIME, id, city, mayor) VALUES (10, 1, 'Rome', 'Ada');
ASSERT VALUES places (ROWTIME, id, city, mayor) VALUES (20, 2, NULL, 'Bo');
ASSERT VALUES places (ROWTIME, id, city, mayor) VALUES (30, 1, 'Roma', 'Ada');

--@test: a row that others refer to changes all of them, in order of their keys
CREATE TABLE people (id INT PRIMARY KEY, name STRING, city INT) WITH (KAFKA_TOPIC='people', VALUE_FORMAT='JSON');
CREATE TABLE cities (id INT PRIMARY KEY, city STRING) WITH (KAFKA_TOPIC='cities', VALUE_FORMAT='JSON');
CREATE TABLE homes AS SELECT p.id AS id, name, c.city AS home FROM people p JOIN cities c ON p.city = c.id;
INSERT INTO people (id, name, city) VALUES (2, 'Bo', 7);
INSERT INTO people (id, name, city) VALUES (1, 'Ada', 7);
INSERT INTO cities (id, city) VALUES (7, 'Rome');
INSERT INTO people (id, name, city) VALUES (2, 'Bo', 8);
INSERT INTO cities (id, city) VALUES (7, 'Roma');
ASSERT VALUES homes (id, name, home) VALUES (1, 'Ada', 'Rome');
ASSERT VALUES homes (id, name, home) VALUES (2, 'Bo', 'Rome');
ASSERT NULL VALUES homes (id) KEY (2);
ASSERT VALUES homes (id, name, home) VALUES (1, 'Ada', 'Roma');
