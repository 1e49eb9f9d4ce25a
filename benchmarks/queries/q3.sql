-- Who sells in three states, in one category: a stream of auctions joined with a table of persons.
CREATE TABLE person (
  id BIGINT PRIMARY KEY, name VARCHAR, email_address VARCHAR, credit_card VARCHAR, city VARCHAR,
  state VARCHAR, date_time BIGINT, extra VARCHAR
) WITH (KAFKA_TOPIC = 'person', VALUE_FORMAT = 'JSON');

CREATE STREAM auction (
  id BIGINT, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT,
  date_time BIGINT, expires BIGINT, seller BIGINT, category BIGINT, extra VARCHAR
) WITH (KAFKA_TOPIC = 'auction', VALUE_FORMAT = 'JSON');

CREATE STREAM q3 AS
  SELECT a.seller AS seller, p.name AS name, p.city AS city, p.state AS state, a.id AS auction
  FROM auction a
  JOIN person p ON a.seller = p.id
  WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA');
