-- Bids per bidder and session: a session ends after 10 s without a bid.
CREATE STREAM bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT,
  extra VARCHAR
) WITH (KAFKA_TOPIC = 'bid', VALUE_FORMAT = 'JSON');

CREATE TABLE q11 AS
  SELECT bidder, COUNT(*) AS cnt
  FROM bid
  WINDOW SESSION (10 SECONDS)
  GROUP BY bidder;
