-- Who opened an auction within 10 s of registering: a stream-stream join.
CREATE STREAM person (
  id BIGINT, name VARCHAR, email_address VARCHAR, credit_card VARCHAR, city VARCHAR,
  state VARCHAR, date_time BIGINT, extra VARCHAR
) WITH (KAFKA_TOPIC = 'person', VALUE_FORMAT = 'JSON');

CREATE STREAM auction (
  id BIGINT, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT,
  date_time BIGINT, expires BIGINT, seller BIGINT, category BIGINT, extra VARCHAR
) WITH (KAFKA_TOPIC = 'auction', VALUE_FORMAT = 'JSON');

CREATE STREAM q8 AS
  SELECT p.id AS id, p.name AS name, a.id AS auction
  FROM person p
  JOIN auction a WITHIN 10 SECONDS ON p.id = a.seller;
