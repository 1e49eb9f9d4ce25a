-- The highest bid of every 10 s: all records fall on one key.
CREATE STREAM bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT,
  extra VARCHAR
) WITH (KAFKA_TOPIC = 'bid', VALUE_FORMAT = 'JSON');

CREATE TABLE q7 AS
  SELECT 1 AS k, MAX(price) AS mx
  FROM bid
  WINDOW TUMBLING (SIZE 10 SECONDS)
  GROUP BY 1;
