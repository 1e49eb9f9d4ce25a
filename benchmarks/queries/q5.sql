-- Hot items: bids per auction in windows of 10 s that start every 2 s. (Nexmark goes on to the
-- greatest of each window; ksqlDB has no persistent query over a windowed table.)
CREATE STREAM bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT,
  extra VARCHAR
) WITH (KAFKA_TOPIC = 'bid', VALUE_FORMAT = 'JSON');

CREATE TABLE q5 AS
  SELECT auction, COUNT(*) AS cnt
  FROM bid
  WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 2 SECONDS)
  GROUP BY auction;
