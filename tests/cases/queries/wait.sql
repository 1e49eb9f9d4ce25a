--@test: a script waits for its queries
CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
WAIT FOR QUERIES;
--= 0 queries have read all there was.
CREATE STREAM t AS SELECT v + 1 AS w FROM s;
INSERT INTO s VALUES (1);
WAIT FOR QUERIES;
--= 1 query has read all there was.
ASSERT VALUES t (w) VALUES (2);
