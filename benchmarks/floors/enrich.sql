-- key: auction BIGINT
SELECT b.auction, b.bidder, b.price, a.item_name, a.category, a.seller, b.date_time
FROM bid b
JOIN auction a ON b.auction = a.id
