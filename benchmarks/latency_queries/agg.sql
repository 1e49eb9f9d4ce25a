-- Count, sum and maximum per auction, every change; the time of sending is that of the last bid.
CREATE STREAM bid (auction BIGINT, price BIGINT, sent BIGINT)
  WITH (KAFKA_TOPIC = 'bid_timed', VALUE_FORMAT = 'JSON');

CREATE TABLE agg WITH (KAFKA_TOPIC = 'latency') AS
  SELECT auction, COUNT(*) AS cnt, SUM(price) AS total, MAX(price) AS mx,
    LATEST_BY_OFFSET(sent) AS sent
  FROM bid
  GROUP BY auction;
