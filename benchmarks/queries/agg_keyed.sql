-- Count, sum and maximum per auction, of bids that have their auction as key: no row has to move.
CREATE STREAM bid (
  auction BIGINT KEY, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT,
  extra VARCHAR
) WITH (KAFKA_TOPIC = 'bid_keyed', VALUE_FORMAT = 'JSON');

CREATE TABLE agg_keyed AS
  SELECT auction, COUNT(*) AS cnt, SUM(price) AS total, MAX(price) AS mx
  FROM bid
  GROUP BY auction;
