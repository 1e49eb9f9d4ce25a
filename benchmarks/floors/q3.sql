-- key: seller BIGINT
SELECT a.seller, p.name, p.city, p.state, a.id AS auction
FROM auction a
JOIN person p ON a.seller = p.id
WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')
