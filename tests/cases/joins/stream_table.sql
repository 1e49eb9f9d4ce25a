--@test: a stream record sees the table as it was when it came
CREATE TABLE users (id INT PRIMARY KEY, name STRING) WITH (KAFKA_TOPIC='users', VALUE_FORMAT='JSON');
CREATE STREAM visits (id INT KEY, page STRING) WITH (KAFKA_TOPIC='visits', VALUE_FORMAT='JSON');
CREATE STREAM named AS SELECT v.id AS id, v.page AS page, u.name AS name FROM visits v LEFT JOIN users u ON v.id = u.id;
INSERT INTO visits (ROWTIME, id, page) VALUES (1, 7, 'home');
INSERT INTO users (ROWTIME, id, name) VALUES (2, 7, 'Ada');
INSERT INTO visits (ROWTIME, id, page) VALUES (3, 7, 'cart');
INSERT INTO users (ROWTIME, id, name) VALUES (4, 7, 'Ada L.');
INSERT INTO visits (ROWTIME, id, page) VALUES (5, 7, 'paid');
INSERT INTO visits (ROWTIME, id, page) VALUES (6, 8, 'home');
ASSERT VALUES named (ROWTIME, id, page, name) VALUES (1, 7, 'home', NULL);
ASSERT VALUES named (ROWTIME, id, page, name) VALUES (3, 7, 'cart', 'Ada');
ASSERT VALUES named (ROWTIME, id, page, name) VALUES (5, 7, 'paid', 'Ada L.');
ASSERT VALUES named (ROWTIME, id, page, name) VALUES (6, 8, 'home', NULL);
