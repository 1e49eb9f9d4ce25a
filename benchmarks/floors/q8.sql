-- key: id BIGINT
SELECT p.id, p.name, a.id AS auction
FROM person p
JOIN auction a ON a.seller = p.id AND a.date_time BETWEEN p.date_time - 10000 AND p.date_time + 10000
