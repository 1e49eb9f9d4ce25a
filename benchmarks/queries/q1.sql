-- Currency conversion: a projection with a computed DECIMAL.
CREATE STREAM bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT,
  extra VARCHAR
) WITH (KAFKA_TOPIC = 'bid', VALUE_FORMAT = 'JSON');

CREATE STREAM q1 AS
  SELECT auction, bidder, price * 0.908 AS price, date_time, extra
  FROM bid;
