-- key: bidder BIGINT, windowend BIGINT, windowstart BIGINT
SELECT bidder, max(date_time) AS windowend, min(date_time) AS windowstart, count(*) AS cnt
FROM (
  SELECT bidder, date_time, count(*) FILTER (starts) OVER earlier AS number
  FROM (
    SELECT bidder, date_time,
      coalesce(date_time - lag(date_time) OVER (PARTITION BY bidder ORDER BY date_time) > 10000, true)
        AS starts
    FROM bid
  )
  WINDOW earlier AS (PARTITION BY bidder ORDER BY date_time)
)
GROUP BY bidder, number
