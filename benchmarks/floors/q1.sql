SELECT auction, bidder, price * 0.908 AS price, date_time, extra
FROM bid
