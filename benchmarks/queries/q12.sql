-- Bids per bidder in windows of 10 s. (Nexmark's are of processing time; these are of event time,
-- so that a run can be repeated.)
CREATE STREAM bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT,
  extra VARCHAR
) WITH (KAFKA_TOPIC = 'bid', VALUE_FORMAT = 'JSON');

CREATE TABLE q12 AS
  SELECT bidder, COUNT(*) AS cnt
  FROM bid
  WINDOW TUMBLING (SIZE 10 SECONDS)
  GROUP BY bidder;
