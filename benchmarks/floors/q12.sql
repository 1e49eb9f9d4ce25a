-- key: bidder BIGINT, windowstart BIGINT
SELECT bidder, date_time // 10000 * 10000 AS windowstart, count(*) AS cnt
FROM bid
GROUP BY ALL
