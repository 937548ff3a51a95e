-- spend_tier · adds to the people whom a business was let through to in this minute
INSERT INTO broadcasts_tieruse (business_id, minute, n)
VALUES (%(business_id)s, %(minute)s, %(n)s)
ON CONFLICT (business_id, minute) DO UPDATE SET n = broadcasts_tieruse.n + EXCLUDED.n
