--@test: a topic is there as asserted
CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=3);
ASSERT TOPIC s WITH (PARTITIONS=3, REPLICAS=1) TIMEOUT 1 SECOND;
--= Topic s exists.
ASSERT NOT EXISTS TOPIC other;
--= Topic other does not exist.

--@test: a topic that is missing
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Topic nowhere does not exist
ASSERT TOPIC nowhere TIMEOUT 0 SECONDS;

--@test: a topic that should be missing
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Topic s exists
CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=3);
ASSERT NOT EXISTS TOPIC s;

--@test: another number of partitions, and a property that topics do not have
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Mismatched configuration for topic s: For config partitions, expected 2 got 3
CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=3);
ASSERT TOPIC s WITH (PARTITIONS=2, COLOUR='red');
