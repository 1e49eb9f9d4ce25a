-- Average closing price per category: the highest bid in each auction's life, averaged over a
-- table that changes.
CREATE STREAM bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT,
  extra VARCHAR
) WITH (KAFKA_TOPIC = 'bid', VALUE_FORMAT = 'JSON');

CREATE TABLE auction (
  id BIGINT PRIMARY KEY, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT,
  date_time BIGINT, expires BIGINT, seller BIGINT, category BIGINT, extra VARCHAR
) WITH (KAFKA_TOPIC = 'auction', VALUE_FORMAT = 'JSON');

CREATE STREAM valid_bid AS
  SELECT b.auction AS auction, b.price AS price, a.category AS category
  FROM bid b
  JOIN auction a ON b.auction = a.id
  WHERE b.date_time BETWEEN a.date_time AND a.expires;

CREATE TABLE closing AS
  SELECT auction, MAX(category) AS category, MAX(price) AS price
  FROM valid_bid
  GROUP BY auction;

CREATE TABLE q4 AS
  SELECT category, AVG(price) AS mean_price, COUNT(*) AS n
  FROM closing
  GROUP BY category;
