--@test: a left row without a partner leaves when its window closes
CREATE STREAM orders (id INT KEY, item STRING) WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='JSON');
CREATE STREAM payments (id INT KEY, amount INT) WITH (KAFKA_TOPIC='payments', VALUE_FORMAT='JSON');
CREATE STREAM paid AS SELECT o.id AS id, item, amount FROM orders o LEFT JOIN payments p WITHIN 10 MILLISECONDS GRACE PERIOD 2 MILLISECONDS ON o.id = p.id;
INSERT INTO orders (ROWTIME, id, item) VALUES (100, 1, 'pen');
INSERT INTO orders (ROWTIME, id, item) VALUES (101, 2, 'ink');
INSERT INTO payments (ROWTIME, id, amount) VALUES (105, 1, 3);
INSERT INTO payments (ROWTIME, id, amount) VALUES (114, 9, 8);
INSERT INTO orders (ROWTIME, id, item) VALUES (113, 9, 'cap');
ASSERT VALUES paid (ROWTIME, id, item, amount) VALUES (105, 1, 'pen', 3);
ASSERT VALUES paid (ROWTIME, id, item, amount) VALUES (101, 2, 'ink', NULL);
ASSERT VALUES paid (ROWTIME, id, item, amount) VALUES (114, 9, 'cap', 8);

--@test: without a grace period the null row comes at once and the match after it
CREATE STREAM orders (id INT KEY, item STRING) WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='JSON');
CREATE STREAM payments (id INT KEY, amount INT) WITH (KAFKA_TOPIC='payments', VALUE_FORMAT='JSON');
CREATE STREAM paid AS SELECT o.id AS id, item, amount FROM orders o LEFT JOIN payments p WITHIN 10 MILLISECONDS ON o.id = p.id;
INSERT INTO orders (ROWTIME, id, item) VALUES (100, 1, 'pen');
INSERT INTO payments (ROWTIME, id, amount) VALUES (105, 1, 3);
INSERT INTO payments (ROWTIME, id, amount) VALUES (111, 1, 4);
ASSERT VALUES paid (ROWTIME, id, item, amount) VALUES (100, 1, 'pen', NULL);
ASSERT VALUES paid (ROWTIME, id, item, amount) VALUES (105, 1, 'pen', 3);
