--@test: a row ends after its time, and what was made of it with it
CREATE TABLE sensors (id STRING PRIMARY KEY, room STRING) WITH (KAFKA_TOPIC='sensors', VALUE_FORMAT='JSON', TTL_MS=1000);
CREATE TABLE alive AS SELECT id, room FROM sensors;
CREATE TABLE rooms AS SELECT room, COUNT(*) AS n FROM sensors GROUP BY room;
INSERT INTO sensors (ROWTIME, id, room) VALUES (100, 'a', 'hall');
INSERT INTO sensors (ROWTIME, id, room) VALUES (600, 'b', 'hall');
INSERT INTO sensors (ROWTIME, id, room) VALUES (1100, 'c', 'attic');
INSERT INTO sensors (ROWTIME, id, room) VALUES (1500, 'b', 'hall');
INSERT INTO sensors (ROWTIME, id, room) VALUES (3000, 'a', 'hall');
ASSERT VALUES alive (ROWTIME, id, room) VALUES (100, 'a', 'hall');
ASSERT VALUES alive (ROWTIME, id, room) VALUES (600, 'b', 'hall');
ASSERT NULL VALUES alive (ROWTIME, id) KEY (1100, 'a');
ASSERT VALUES alive (ROWTIME, id, room) VALUES (1100, 'c', 'attic');
ASSERT VALUES alive (ROWTIME, id, room) VALUES (1500, 'b', 'hall');
ASSERT NULL VALUES alive (ROWTIME, id) KEY (2100, 'c');
ASSERT NULL VALUES alive (ROWTIME, id) KEY (2500, 'b');
ASSERT VALUES alive (ROWTIME, id, room) VALUES (3000, 'a', 'hall');
ASSERT VALUES rooms (room, n) VALUES ('hall', 1);
ASSERT VALUES rooms (room, n) VALUES ('hall', 2);
ASSERT VALUES rooms (room, n) VALUES ('hall', 1);
ASSERT VALUES rooms (room, n) VALUES ('attic', 1);
ASSERT VALUES rooms (room, n) VALUES ('hall', 1);
ASSERT VALUES rooms (room, n) VALUES ('attic', 0);
ASSERT VALUES rooms (room, n) VALUES ('hall', 0);
ASSERT VALUES rooms (room, n) VALUES ('hall', 1);

--@test: a row that comes too late to live is skipped, a tombstone never is
CREATE TABLE sensors (id STRING PRIMARY KEY, room STRING) WITH (KAFKA_TOPIC='sensors', PARTITIONS=1, VALUE_FORMAT='JSON', TTL_MS=1000);
CREATE TABLE alive AS SELECT id, room FROM sensors;
INSERT INTO sensors (ROWTIME, id, room) VALUES (5000, 'a', 'hall');
INSERT INTO sensors (ROWTIME, id, room) VALUES (4000, 'a', 'attic');
INSERT INTO sensors (ROWTIME, id, room) VALUES (4001, 'b', 'attic');
ASSERT VALUES alive (ROWTIME, id, room) VALUES (5000, 'a', 'hall');
ASSERT VALUES alive (ROWTIME, id, room) VALUES (4001, 'b', 'attic');

--@test: a stream meets the rows that live
CREATE TABLE users (id STRING PRIMARY KEY, name STRING) WITH (KAFKA_TOPIC='users', PARTITIONS=1, VALUE_FORMAT='JSON', TTL_MS=1000);
CREATE STREAM clicks (id STRING KEY, page STRING) WITH (KAFKA_TOPIC='clicks', PARTITIONS=1, VALUE_FORMAT='JSON');
CREATE STREAM named AS SELECT c.id AS id, page, name FROM clicks c LEFT JOIN users u ON c.id = u.id;
INSERT INTO users (ROWTIME, id, name) VALUES (0, 'a', 'Ada');
INSERT INTO clicks (ROWTIME, id, page) VALUES (500, 'a', 'one');
INSERT INTO users (ROWTIME, id, name) VALUES (1000, 'b', 'Ben');
INSERT INTO clicks (ROWTIME, id, page) VALUES (1000, 'a', 'two');
ASSERT VALUES named (ROWTIME, id, page, name) VALUES (500, 'a', 'one', 'Ada');
ASSERT VALUES named (ROWTIME, id, page, name) VALUES (1000, 'a', 'two', NULL);

--@test: a stream has no rows that could end
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: 'TTL_MS' is for tables: a stream keeps nothing that could end
CREATE STREAM sensors (id STRING KEY, room STRING) WITH (KAFKA_TOPIC='sensors', VALUE_FORMAT='JSON', TTL_MS=1000);

--@test: a time to live is at least a millisecond
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Invalid value 0 for property TTL_MS
CREATE TABLE sensors (id STRING PRIMARY KEY, room STRING) WITH (KAFKA_TOPIC='sensors', VALUE_FORMAT='JSON', TTL_MS=0);

--@test: the rows of a query's table end with those that they were made of
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: 'TTL_MS' is for tables that are declared over a topic
CREATE STREAM sensors (id STRING KEY, room STRING) WITH (KAFKA_TOPIC='sensors', VALUE_FORMAT='JSON');
CREATE TABLE rooms WITH (TTL_MS=1000) AS SELECT room, COUNT(*) AS n FROM sensors GROUP BY room;
