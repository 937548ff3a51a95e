-- spend_test · counts one more test of a business's day; no row is written when the day has had them all
-- in:  business_id, day, most
INSERT INTO broadcasts_testday AS d (business_id, "on", n)
VALUES (%(business_id)s, %(day)s, 1)
ON CONFLICT (business_id, "on") DO UPDATE
SET n = d.n + 1
WHERE d.n < %(most)s
