-- key: auction BIGINT, windowstart BIGINT
SELECT auction, (date_time // 2000 - k) * 2000 AS windowstart, count(*) AS cnt
FROM bid, range(5) AS t(k)
GROUP BY ALL
