-- Pass through: decode, encode, nothing between.
CREATE STREAM bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT,
  extra VARCHAR
) WITH (KAFKA_TOPIC = 'bid', VALUE_FORMAT = 'JSON');

CREATE STREAM q0 AS
  SELECT auction, bidder, price, channel, url, date_time, extra
  FROM bid;
