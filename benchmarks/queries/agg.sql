-- Count, sum and maximum per auction.
CREATE STREAM bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT,
  extra VARCHAR
) WITH (KAFKA_TOPIC = 'bid', VALUE_FORMAT = 'JSON');

CREATE TABLE agg AS
  SELECT auction, COUNT(*) AS cnt, SUM(price) AS total, MAX(price) AS mx
  FROM bid
  GROUP BY auction;
