--@test: sources are listed and described
CREATE STREAM clicks (id INT KEY, page STRING, tags ARRAY<STRUCT<KEY STRING, VALUE BYTES>> HEADERS) WITH (KAFKA_TOPIC='clicks', VALUE_FORMAT='JSON', PARTITIONS=2);
CREATE TABLE per_page AS SELECT page, COUNT(*) AS n FROM clicks WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY page;
SHOW STREAMS;
--= Stream Name | Kafka Topic | Key Format | Value Format | Windowed
--= CLICKS | clicks | KAFKA | JSON | false
LIST TABLES;
--= Table Name | Kafka Topic | Key Format | Value Format | Windowed
--= PER_PAGE | PER_PAGE | KAFKA | JSON | true
DESCRIBE clicks;
--= Field | Type
--= ID | INTEGER (key)
--= PAGE | STRING
--= TAGS | ARRAY<STRUCT<`KEY` STRING, `VALUE` BYTES>> (headers)
DESCRIBE TABLES;
--= Source | Field | Type
--= PER_PAGE | PAGE | STRING (primary key) (Window type: TUMBLING)
--= PER_PAGE | N | BIGINT
SHOW TABLES EXTENDED;
--= Table Name | Type | Timestamp field | Key format | Value format | Window | Kafka topic | Partitions | Records | Queries that read | Queries that write | Statement | Fields
--= PER_PAGE | TABLE | rowtime of the record | KAFKA | JSON | TUMBLING 60000 | PER_PAGE | 2 | 0 | none | CTAS_PER_PAGE_0 | CREATE TABLE per_page AS SELECT page, COUNT(*) AS n FROM clicks WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY page | PAGE STRING (primary key) (Window type: TUMBLING), N BIGINT
SHOW TOPICS;
--= Kafka Topic | Partitions | Partition Replicas
--= PER_PAGE | 2 | 1
--= clicks | 2 | 1

--@test: internal topics are listed with ALL
CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='_own', VALUE_FORMAT='JSON', PARTITIONS=1);
SHOW TOPICS;
--= Kafka Topic | Partitions | Partition Replicas
SHOW ALL TOPICS;
--= Kafka Topic | Partitions | Partition Replicas
--= _own | 1 | 1

--@test: types and variables
CREATE TYPE address AS STRUCT<street STRING, zip INT>;
SHOW TYPES;
--= Type Name | Schema
--= ADDRESS | STRUCT<`STREET` STRING, `ZIP` INTEGER>
DEFINE what = 'orders';
SHOW VARIABLES;
--= Variable Name | Value
--= what | orders
CREATE STREAM ${what} (v INT) WITH (KAFKA_TOPIC='${what}', VALUE_FORMAT='JSON', PARTITIONS=1);
SHOW STREAMS;
--= Stream Name | Kafka Topic | Key Format | Value Format | Windowed
--= ORDERS | orders | NONE | JSON | false
UNDEFINE what;
--= what is undefined

--@test: queries pause, go on and end
CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM copied AS SELECT * FROM s;
PAUSE CSAS_COPIED_0;
--= Query CSAS_COPIED_0 paused.
INSERT INTO s VALUES (1);
SHOW QUERIES;
--= Query ID | Query Type | Status | Sink Name | Sink Kafka Topic | Records In | Records Out | Records Bad | Records Late | Query String
--= CSAS_COPIED_0 | PERSISTENT | PAUSED | COPIED | COPIED | 0 | 0 | 0 | 0 | CREATE STREAM copied AS SELECT * FROM s
RESUME ALL;
--= Query CSAS_COPIED_0 resumed.
ASSERT VALUES copied VALUES (1);
TERMINATE CSAS_COPIED_0;
--= Query CSAS_COPIED_0 terminated.
SHOW QUERIES;
--= Query ID | Query Type | Status | Sink Name | Sink Kafka Topic | Records In | Records Out | Records Bad | Records Late | Query String

--@test: a setting of the system holds until the session has its own
ALTER SYSTEM 'ksql.pull.queries.enable' = 'false';
--= System property 'ksql.pull.queries.enable' was set to 'false'.
CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
SET 'ksql.pull.queries.enable' = 'true';
--= Successfully changed local property 'ksql.pull.queries.enable' to 'true'.
SELECT * FROM s;
--= V
UNSET 'ksql.pull.queries.enable';
--= Successfully unset local property 'ksql.pull.queries.enable'.

--@test: a setting of the system is everybody's
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Pull queries are disabled
CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
ALTER SYSTEM 'ksql.pull.queries.enable' = 'false';
SELECT * FROM s;

--@test: what is given at the start is not altered
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: it is given when the engine starts
ALTER SYSTEM 'streamsql.threads' = '3';

--@test: a stream is dropped with its topic
CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
DROP STREAM s DELETE TOPIC;
--= Source `S` (topic: s) was dropped.
ASSERT NOT EXISTS TOPIC s;
