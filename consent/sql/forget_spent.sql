-- forget_spent · slots older than the longest window that a rule may have are never counted again
DELETE FROM consent_capentry
WHERE reserved_at < %(before)s
