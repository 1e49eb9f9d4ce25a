--@test: a session grows, and its old window ends with a tombstone
CREATE STREAM clicks (id INT KEY, who STRING) WITH (KAFKA_TOPIC='clicks', VALUE_FORMAT='JSON');
CREATE TABLE visits AS SELECT who, COUNT(*) AS n FROM clicks WINDOW SESSION (10 MILLISECONDS) GROUP BY who;
INSERT INTO clicks (ROWTIME, id, who) VALUES (100, 1, 'a');
INSERT INTO clicks (ROWTIME, id, who) VALUES (108, 2, 'a');
INSERT INTO clicks (ROWTIME, id, who) VALUES (130, 3, 'a');
ASSERT VALUES visits (ROWTIME, WINDOWSTART, WINDOWEND, who, n) VALUES (100, 100, 100, 'a', 1);
ASSERT NULL VALUES visits (who) KEY ('a');
ASSERT VALUES visits (ROWTIME, WINDOWSTART, WINDOWEND, who, n) VALUES (108, 100, 108, 'a', 2);
ASSERT VALUES visits (ROWTIME, WINDOWSTART, WINDOWEND, who, n) VALUES (130, 130, 130, 'a', 1);

--@test: a record between two sessions makes one of them
CREATE STREAM clicks (id INT KEY, who STRING, v INT) WITH (KAFKA_TOPIC='clicks', VALUE_FORMAT='JSON');
CREATE TABLE visits AS SELECT who, SUM(v) AS total, COLLECT_LIST(v) AS all_of_them FROM clicks WINDOW SESSION (10 MILLISECONDS) GROUP BY who;
INSERT INTO clicks (ROWTIME, id, who, v) VALUES (100, 1, 'a', 1);
INSERT INTO clicks (ROWTIME, id, who, v) VALUES (116, 2, 'a', 2);
INSERT INTO clicks (ROWTIME, id, who, v) VALUES (108, 3, 'a', 4);
ASSERT VALUES visits (ROWTIME, who, total, all_of_them) VALUES (100, 'a', 1, ARRAY[1]);
ASSERT VALUES visits (ROWTIME, who, total, all_of_them) VALUES (116, 'a', 2, ARRAY[2]);
ASSERT NULL VALUES visits (who) KEY ('a');
ASSERT NULL VALUES visits (who) KEY ('a');
ASSERT VALUES visits (ROWTIME, WINDOWSTART, WINDOWEND, who, total, all_of_them) VALUES (116, 100, 116, 'a', 7, ARRAY[1, 2, 4]);
