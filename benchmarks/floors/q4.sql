-- key: category BIGINT
SELECT category, avg(price) AS mean_price, count(*) AS n
FROM (
  SELECT b.auction, max(a.category) AS category, max(b.price) AS price
  FROM bid b
  JOIN auction a ON b.auction = a.id
  WHERE b.date_time BETWEEN a.date_time AND a.expires
  GROUP BY b.auction
)
GROUP BY category
