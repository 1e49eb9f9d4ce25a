--@test: the changes of a table with what is gone
CREATE TABLE people (id INT PRIMARY KEY, name STRING) WITH (KAFKA_TOPIC='people', VALUE_FORMAT='JSON');
INSERT INTO people VALUES (1, 'Ada');
INSERT INTO people VALUES (1, 'Eve');
SELECT * FROM people EMIT CHANGES;
--= ID | NAME
--= 1 | Ada
--= 1 | Eve
SELECT * FROM people WHERE name = 'Ada' EMIT CHANGES;
--= ID | NAME
--= 1 | Ada
--= 1 | null (gone)

--@test: partition and offset of each record
CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
INSERT INTO s VALUES (1, 10);
INSERT INTO s VALUES (2, 20);
INSERT INTO s VALUES (3, 30);
SELECT k, ROWPARTITION, ROWOFFSET FROM s WHERE ROWOFFSET > 0 EMIT CHANGES LIMIT 2;
--= K | ROWPARTITION | ROWOFFSET
--= 2 | 0 | 1
--= 3 | 0 | 2

--@test: WHERE does not see the windows that the query makes
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Error in WHERE expression: Unknown column WINDOWSTART.
CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
SELECT k, COUNT(*) FROM s WINDOW TUMBLING (SIZE 1 SECOND) WHERE WINDOWSTART > 3 GROUP BY k EMIT CHANGES;

--@test: HAVING does not see them either
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Window bounds column WINDOWSTART can only be used in the SELECT clause
CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
SELECT k, COUNT(*) FROM s WINDOW TUMBLING (SIZE 1 SECOND) GROUP BY k HAVING MIN(WINDOWSTART) > 3 EMIT CHANGES;

--@test: a star of two windowed sources shows the bounds of both
CREATE STREAM a (k INT KEY, v INT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON', WINDOW_TYPE='TUMBLING', WINDOW_SIZE='2 SECONDS', PARTITIONS=1);
CREATE STREAM b (k INT KEY, v INT) WITH (KAFKA_TOPIC='b', VALUE_FORMAT='JSON', WINDOW_TYPE='TUMBLING', WINDOW_SIZE='2 SECONDS', PARTITIONS=1);
CREATE STREAM j AS SELECT * FROM a JOIN b WITHIN 1 MINUTE ON a.k = b.k;
SELECT * FROM j EMIT CHANGES;
--= A_K | WINDOWSTART | WINDOWEND | A_WINDOWSTART | A_WINDOWEND | A_V | B_K | B_WINDOWSTART | B_WINDOWEND | B_V

--@test: a foreign key does not lead to a windowed table
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Foreign-key table-table joins are not supported on windowed tables.
CREATE TABLE a (k STRING PRIMARY KEY, f STRING) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON', WINDOW_TYPE='TUMBLING', WINDOW_SIZE='2 SECONDS', PARTITIONS=1);
CREATE TABLE b (k STRING PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='b', VALUE_FORMAT='JSON', WINDOW_TYPE='TUMBLING', WINDOW_SIZE='2 SECONDS', PARTITIONS=1);
SELECT * FROM a JOIN b ON a.f = b.k EMIT CHANGES;
