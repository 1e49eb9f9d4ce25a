-- The projection of q1, with the time of sending passed through.
CREATE STREAM bid (
  auction BIGINT, bidder BIGINT, price BIGINT, date_time BIGINT, extra VARCHAR, sent BIGINT
) WITH (KAFKA_TOPIC = 'bid_timed', VALUE_FORMAT = 'JSON');

CREATE STREAM q1 WITH (KAFKA_TOPIC = 'latency') AS
  SELECT auction, bidder, price * 0.908 AS price, date_time, extra, sent
  FROM bid;
