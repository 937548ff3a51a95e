-- forget_spent · slots that counted before the longest window a rule may have are never counted again
DELETE FROM consent_capentry
WHERE counts_at < %(before)s
