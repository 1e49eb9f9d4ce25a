-- key: k INT, windowstart BIGINT
SELECT 1 AS k, date_time // 10000 * 10000 AS windowstart, max(price) AS mx
FROM bid
GROUP BY ALL
