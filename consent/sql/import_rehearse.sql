-- import_rehearse · what the file would do, counted from the staging tables; nothing is changed
-- in: business_id, legal_entity_id
-- out: contacts it would make, and change; people it would stop, and who had stopped or blocked the company before
SELECT count(*) FILTER (WHERE NOT p.is_stop AND c.id IS NULL),
       count(*) FILTER (WHERE NOT p.is_stop
                          AND (p.name NOT IN ('', c.name)
                            OR p.language NOT IN ('', c.language)
                            OR NOT c.attributes @> p.attributes)),
       count(*) FILTER (WHERE p.is_stop AND NOT EXISTS (
           SELECT 1
           FROM consent_refusal f
           WHERE f.legal_entity_id = %(legal_entity_id)s AND f.recipient_id = p.recipient_id AND f.kind = 1
             AND f.lifted_at IS NULL
       )) + (
           SELECT count(*)
           FROM import_hushed h
           WHERE NOT EXISTS (
               SELECT 1
               FROM consent_suppression s
               WHERE s.address_hash = h.address_hash AND s.legal_entity_id = %(legal_entity_id)s AND s.kind = 'stopped'
           )
       )
FROM import_person p
LEFT JOIN consent_contact c ON c.business_id = %(business_id)s AND c.recipient_id = p.recipient_id
