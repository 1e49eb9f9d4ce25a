-- Selection: few records pass the filter.
CREATE STREAM bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT,
  extra VARCHAR
) WITH (KAFKA_TOPIC = 'bid', VALUE_FORMAT = 'JSON');

CREATE STREAM q2 AS
  SELECT auction, price
  FROM bid
  WHERE auction % 123 = 0;
