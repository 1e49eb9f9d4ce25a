-- key: auction BIGINT
SELECT auction, count(*) AS cnt, sum(price)::BIGINT AS total, max(price) AS mx
FROM bid
GROUP BY auction
