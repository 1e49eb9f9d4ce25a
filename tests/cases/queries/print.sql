--@test: a topic is printed in the formats that its bytes allow
CREATE STREAM s (k INT KEY, v STRING) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
INSERT INTO s (ROWTIME, k, v) VALUES (1500000000000, 1, 'one');
INSERT INTO s (ROWTIME, k, v) VALUES (1500000000001, NULL, 'ünï');
PRINT s FROM BEGINNING LIMIT 5;
--= Key format: KAFKA_INT or KAFKA_STRING
--= Value format: JSON or KAFKA_STRING
--= rowtime: 2017/07/14 02:40:00.000 Z, key: 1, value: {"V":"one"}, partition: 0
--= rowtime: 2017/07/14 02:40:00.001 Z, key: <null>, value: {"V":"ünï"}, partition: 0
PRINT 's' FROM BEGINNING INTERVAL 2;
--= Key format: KAFKA_INT or KAFKA_STRING
--= Value format: JSON or KAFKA_STRING
--= rowtime: 2017/07/14 02:40:00.000 Z, key: 1, value: {"V":"one"}, partition: 0
PRINT s;

--@test: a windowed key shows its window
CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='DELIMITED', PARTITIONS=1);
CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 SECOND) GROUP BY k;
INSERT INTO s (ROWTIME, k, v) VALUES (5000, 'abc', 1);
PRINT T FROM BEGINNING;
--= Key format: TUMBLING(KAFKA_STRING) or HOPPING(KAFKA_STRING)
--= Value format: KAFKA_STRING or JSON
--= rowtime: 1970/01/01 00:00:05.000 Z, key: [abc@5000/-], value: 1, partition: 0

--@test: a topic that is not there
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Could not find topic 'S', or the KSQL user does not have permissions
CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
PRINT S;

--@test: an interval of nothing
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: INTERVAL must be greater than one, but was: 0
CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
PRINT s INTERVAL 0;
