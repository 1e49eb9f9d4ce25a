--@test: a final window leaves once, when stream time closes it, whoever's record that is
CREATE STREAM hits (id INT KEY, site STRING) WITH (KAFKA_TOPIC='hits', VALUE_FORMAT='JSON');
CREATE TABLE counts AS SELECT site, COUNT(*) AS n FROM hits WINDOW TUMBLING (SIZE 10 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS) GROUP BY site EMIT FINAL;
INSERT INTO hits (ROWTIME, id, site) VALUES (1, 1, 'b');
INSERT INTO hits (ROWTIME, id, site) VALUES (2, 2, 'a');
INSERT INTO hits (ROWTIME, id, site) VALUES (14, 3, 'a');
INSERT INTO hits (ROWTIME, id, site) VALUES (9, 4, 'a');
INSERT INTO hits (ROWTIME, id, site) VALUES (15, 5, 'c');
INSERT INTO hits (ROWTIME, id, site) VALUES (8, 6, 'a');
INSERT INTO hits (ROWTIME, id, site) VALUES (25, 7, 'c');
ASSERT VALUES counts (ROWTIME, WINDOWSTART, site, n) VALUES (9, 0, 'a', 2);
ASSERT VALUES counts (ROWTIME, WINDOWSTART, site, n) VALUES (1, 0, 'b', 1);
ASSERT VALUES counts (ROWTIME, WINDOWSTART, site, n) VALUES (14, 10, 'a', 1);
ASSERT VALUES counts (ROWTIME, WINDOWSTART, site, n) VALUES (15, 10, 'c', 1);
