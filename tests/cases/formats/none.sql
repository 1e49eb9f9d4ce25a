--@test: the NONE format looks at no key and writes none
CREATE STREAM keyed (k STRING KEY, v INT) WITH (KAFKA_TOPIC='keyed', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM keyless (v INT) WITH (KAFKA_TOPIC='keyed', KEY_FORMAT='NONE', VALUE_FORMAT='JSON');
CREATE STREAM seen AS SELECT v FROM keyless;
CREATE STREAM seen_keys (k STRING KEY, v INT) WITH (KAFKA_TOPIC='SEEN', VALUE_FORMAT='JSON');
CREATE STREAM keys AS SELECT * FROM seen_keys;
INSERT INTO keyed VALUES ('a', 1);
ASSERT VALUES keys (k, v) VALUES (NULL, 1);

--@test: the NONE format has no columns
--@expected.error: io.confluent.ksql.util.KsqlStatementException
--@expected.message: The 'NONE' format can only be used when no columns are defined. Got: [`V` INTEGER]
CREATE STREAM numbers (v INT) WITH (KAFKA_TOPIC='numbers', VALUE_FORMAT='NONE');
