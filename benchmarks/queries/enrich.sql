-- Bids enriched with their auction: a stream-table join with a large table.
CREATE STREAM bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT,
  extra VARCHAR
) WITH (KAFKA_TOPIC = 'bid', VALUE_FORMAT = 'JSON');

CREATE TABLE auction (
  id BIGINT PRIMARY KEY, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT,
  date_time BIGINT, expires BIGINT, seller BIGINT, category BIGINT, extra VARCHAR
) WITH (KAFKA_TOPIC = 'auction', VALUE_FORMAT = 'JSON');

CREATE STREAM enrich AS
  SELECT b.auction AS auction, b.bidder AS bidder, b.price AS price, a.item_name AS item_name,
    a.category AS category, a.seller AS seller, b.date_time AS date_time
  FROM bid b
  JOIN auction a ON b.auction = a.id;
