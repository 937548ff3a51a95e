-- as_if_alone · put before `decide`: the same decision, if there were no other business and nobody had told them all anything
-- Names of tables are taken here: what a person chose for everybody, every slot and every limit are out of `decide`'s
-- sight. Whom the business wrote to as often as it may is the asker's to say.
WITH consent_recipient AS NOT MATERIALIZED (
    SELECT p.id, p.country, NULL::smallint AS own_limit, NULL::timestamptz AS paused_all_at, NULL::timestamptz AS erased_at,
           p.evidence_from
    FROM consent_recipient p
),
consent_capentry AS NOT MATERIALIZED (
    SELECT e.* FROM consent_capentry e WHERE FALSE
),
consent_caprule AS MATERIALIZED (
    SELECT k.* FROM consent_caprule k WHERE FALSE
)
