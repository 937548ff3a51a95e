-- freeze · the slice at hand (temporary table freeze_slice) becomes deliveries, with language, price and values as they are now
-- A contact's own value goes first, then what is the same for everybody, then the template's fallback; NULL = one is missing.
WITH wording AS (
    SELECT * FROM unnest(%(version_ids)s::bigint[], %(version_languages)s::text[], %(needs)s::jsonb[], %(fallbacks)s::jsonb[])
        AS w (version_id, language, needs, fallbacks)
),
price AS (
    SELECT * FROM unnest(%(price_countries)s::text[], %(price_micros)s::bigint[]) AS p (country, price_micro)
)
INSERT INTO broadcasts_delivery (broadcast_id, recipient_id, contact_id, version_id, variant, country, price_micro, variables)
SELECT %(broadcast_id)s,
       slice.recipient_id,
       slice.contact_id,
       wording.version_id,
       0,
       slice.country,
       COALESCE(price.price_micro, elsewhere.price_micro),
       CASE WHEN wording.needs = '[]' THEN '{}'::jsonb ELSE (
           SELECT CASE WHEN bool_and(v.value IS NOT NULL) THEN jsonb_object_agg(v.key, v.value) END
           FROM (
               SELECT n.key,
                      COALESCE(NULLIF(slice.attributes ->> n.key, ''),
                               CASE n.key WHEN 'name' THEN NULLIF(slice.name, '')
                                          WHEN 'first_name' THEN NULLIF(split_part(slice.name, ' ', 1), '') END,
                               %(given)s::jsonb ->> n.key,
                               NULLIF(wording.fallbacks ->> n.key, '')) AS value
               FROM jsonb_array_elements_text(wording.needs) AS n (key)
           ) v) END
FROM freeze_slice slice
JOIN wording ON wording.language = CASE WHEN slice.language = ANY(%(version_languages)s::text[]) THEN slice.language
                                        WHEN split_part(slice.language, '_', 1) = ANY(%(version_languages)s::text[])
                                        THEN split_part(slice.language, '_', 1)
                                        ELSE %(default_language)s END
LEFT JOIN price ON price.country = slice.country
LEFT JOIN price elsewhere ON elsewhere.country = ''
