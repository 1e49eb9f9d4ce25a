--@test: a schema is there as asserted, and goes with its topic
CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='AVRO', PARTITIONS=1);
ASSERT SCHEMA SUBJECT 's-value';
--= Schema with subject name s-value exists.
ASSERT SCHEMA SUBJECT 's-value' ID 1 TIMEOUT 1 SECOND;
--= Schema with subject name s-value id 1 exists.
ASSERT SCHEMA ID 1;
--= Schema with id 1 exists.
ASSERT NOT EXISTS SCHEMA SUBJECT 's-key';
--= Schema with subject name s-key does not exist.
DROP STREAM s DELETE TOPIC;
ASSERT NOT EXISTS SCHEMA SUBJECT 's-value';
--= Schema with subject name s-value does not exist.
ASSERT SCHEMA ID 1;
--= Schema with id 1 exists.

--@test: a schema that is missing
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Schema with subject name nowhere id 7 does not exist
ASSERT SCHEMA SUBJECT nowhere ID 7 TIMEOUT 0 SECONDS;

--@test: a schema that should be missing
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: Schema with subject name s-value exists
CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='AVRO', PARTITIONS=1);
ASSERT NOT EXISTS SCHEMA SUBJECT 's-value';
