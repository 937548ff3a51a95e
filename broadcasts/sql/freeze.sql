-- freeze · the slice at hand (temporary table freeze_slice) becomes deliveries, with language, price and values as they are now
-- A contact's own value goes first, then what is the same for everybody, then the template's fallback; NULL = one is missing.
-- What is the same for everybody is laid out once; a contact adds what they bring, of which most bring nothing but a name.
WITH wording AS MATERIALIZED (
    SELECT w.version_id,
           w.language,
           ARRAY(SELECT jsonb_array_elements_text(w.needs)) AS needs,
           w.needs ? 'name' AS needs_name,
           w.needs ? 'first_name' AS needs_first_name,
           (SELECT COALESCE(jsonb_object_agg(same.key, same.value), '{}')
            FROM (
                SELECT n.key, COALESCE(%(given)s::jsonb ->> n.key, NULLIF(w.fallbacks ->> n.key, '')) AS value
                FROM jsonb_array_elements_text(w.needs) AS n (key)
            ) same
            WHERE same.value IS NOT NULL) AS same_for_all
    FROM unnest(%(version_ids)s::bigint[], %(version_languages)s::text[], %(needs)s::jsonb[], %(fallbacks)s::jsonb[])
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
       CASE WHEN filled.variables ?& wording.needs THEN filled.variables END
FROM freeze_slice slice
JOIN wording ON wording.language = CASE WHEN slice.language = ANY(%(version_languages)s::text[]) THEN slice.language
                                        WHEN split_part(slice.language, '_', 1) = ANY(%(version_languages)s::text[])
                                        THEN split_part(slice.language, '_', 1)
                                        ELSE %(default_language)s END
CROSS JOIN LATERAL (
    SELECT wording.same_for_all
           || CASE WHEN wording.needs_name AND slice.name <> '' THEN jsonb_build_object('name', slice.name) ELSE '{}' END
           || CASE WHEN wording.needs_first_name AND split_part(slice.name, ' ', 1) <> ''
                   THEN jsonb_build_object('first_name', split_part(slice.name, ' ', 1)) ELSE '{}' END
           || CASE WHEN slice.attributes ?| wording.needs THEN (
                  SELECT COALESCE(jsonb_object_agg(own.key, slice.attributes ->> own.key), '{}')
                  FROM unnest(wording.needs) AS own (key)
                  WHERE slice.attributes ->> own.key <> ''
              ) ELSE '{}' END AS variables
    OFFSET 0
) filled
LEFT JOIN price ON price.country = slice.country
LEFT JOIN price elsewhere ON elsewhere.country = ''
