--@test: a tumbling window counts what falls into it, late records until its grace has passed
CREATE STREAM hits (page STRING KEY, n INT) WITH (KAFKA_TOPIC='hits', VALUE_FORMAT='JSON');
CREATE TABLE per_second AS SELECT page, COUNT(*) AS hits FROM hits WINDOW TUMBLING (SIZE 1 SECOND, GRACE PERIOD 1 SECOND) GROUP BY page;
INSERT INTO hits (ROWTIME, page, n) VALUES (500, 'a', 1);
INSERT INTO hits (ROWTIME, page, n) VALUES (1500, 'a', 1);
INSERT INTO hits (ROWTIME, page, n) VALUES (999, 'a', 1);
INSERT INTO hits (ROWTIME, page, n) VALUES (2000, 'b', 1);
INSERT INTO hits (ROWTIME, page, n) VALUES (700, 'a', 1);
INSERT INTO hits (ROWTIME, page, n) VALUES (1700, 'a', 1);
ASSERT VALUES per_second (ROWTIME, WINDOWSTART, WINDOWEND, page, hits) VALUES (500, 0, 1000, 'a', 1);
ASSERT VALUES per_second (ROWTIME, WINDOWSTART, WINDOWEND, page, hits) VALUES (1500, 1000, 2000, 'a', 1);
ASSERT VALUES per_second (ROWTIME, WINDOWSTART, WINDOWEND, page, hits) VALUES (999, 0, 1000, 'a', 2);
ASSERT VALUES per_second (ROWTIME, WINDOWSTART, WINDOWEND, page, hits) VALUES (2000, 2000, 3000, 'b', 1);
ASSERT VALUES per_second (ROWTIME, WINDOWSTART, WINDOWEND, page, hits) VALUES (1700, 1000, 2000, 'a', 2);

--@test: a record that is too late for its window stands in the processing log
CREATE STREAM hits (page STRING KEY, n INT) WITH (KAFKA_TOPIC='hits', VALUE_FORMAT='JSON');
CREATE TABLE per_second AS SELECT page, COUNT(*) AS hits FROM hits WINDOW TUMBLING (SIZE 1 SECOND, GRACE PERIOD 1 SECOND) GROUP BY page;
CREATE STREAM log (level STRING, logger STRING, message STRUCT<type INT, recordProcessingError STRUCT<`partition` INT, `timestamp` BIGINT, errorMessage STRING>>) WITH (KAFKA_TOPIC='default_ksql_processing_log', PARTITIONS=1, VALUE_FORMAT='JSON');
CREATE STREAM late AS SELECT level, message->type AS kind, message->recordProcessingError->`timestamp` AS `time`, message->recordProcessingError->errorMessage AS why FROM log;
INSERT INTO hits (ROWTIME, page, n) VALUES (2000, 'a', 1);
INSERT INTO hits (ROWTIME, page, n) VALUES (700, 'b', 1);
INSERT INTO hits (ROWTIME, page, n) VALUES (1700, 'a', 1);
ASSERT VALUES per_second (ROWTIME, WINDOWSTART, WINDOWEND, page, hits) VALUES (2000, 2000, 3000, 'a', 1);
ASSERT VALUES per_second (ROWTIME, WINDOWSTART, WINDOWEND, page, hits) VALUES (1700, 1000, 2000, 'a', 1);
ASSERT VALUES late (level, kind, `time`, why) VALUES ('WARN', 1, 700, 'Skipping record for expired window. key=[b] timestamp=[700] window=[0,1000) expiration=[1000] streamTime=[2000]');
