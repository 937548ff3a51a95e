"""The tables of the hot path: partitioned deliveries, and the narrow way back from a provider's id.

Partitions span 256 broadcasts; retention is dropping one. The application's plain role may not create tables, so a
function that belongs to the owner makes the partition for it, and can make nothing else. Fillfactor 70 leaves room for
HOT updates: no index covers a column that changes.
"""

from django.db import migrations

MAKE = """
CREATE TABLE broadcasts_delivery (
    broadcast_id   bigint      NOT NULL,
    recipient_id   bigint      NOT NULL,
    contact_id     bigint      NOT NULL,
    version_id     bigint,
    price_micro    bigint      NOT NULL,
    interaction_id bigint,
    gated_at       timestamptz,
    sent_at        timestamptz,
    delivered_at   timestamptz,
    read_at        timestamptz,
    failed_at      timestamptz,
    state          smallint    NOT NULL DEFAULT 0,
    reason         smallint,
    attempt        smallint    NOT NULL DEFAULT 0,
    wave           smallint    NOT NULL DEFAULT 2,
    variant        smallint,
    basis          smallint,
    reaction       smallint,
    country        varchar(2)  NOT NULL,
    error_code     varchar(32),
    cap_counts     smallint[],
    variables      jsonb,
    PRIMARY KEY (broadcast_id, recipient_id),
    -- Nobody without exactly one reason, nobody with a reason who was reached (P10).
    CONSTRAINT delivery_reason CHECK ((reason IS NOT NULL) = (state IN (5, 25, 55, 60))),
    -- Nothing leaves without its passport.
    CONSTRAINT delivery_passport CHECK (state < 10 OR (interaction_id IS NOT NULL AND basis IS NOT NULL AND version_id IS NOT NULL AND gated_at IS NOT NULL))
) PARTITION BY RANGE (broadcast_id);

CREATE TABLE broadcasts_providermessage (
    sender_id    bigint       NOT NULL,
    broadcast_id bigint       NOT NULL,
    recipient_id bigint       NOT NULL,
    attempt      smallint     NOT NULL,
    provider_id  varchar(128) NOT NULL,
    PRIMARY KEY (sender_id, provider_id)
);

CREATE FUNCTION make_delivery_partition(for_broadcast bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first bigint := for_broadcast / 256 * 256;
    partition text := format('broadcasts_delivery_%s', first);
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('make_delivery_partition'));
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS %I PARTITION OF broadcasts_delivery FOR VALUES FROM (%s) TO (%s)'
        ' WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)',
        partition, first, first + 256);
END $$;
"""

UNMAKE = """
DROP FUNCTION make_delivery_partition(bigint);
DROP TABLE broadcasts_providermessage;
DROP TABLE broadcasts_delivery;
"""


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0002_initial")]

    operations = [
        migrations.RunSQL(MAKE, UNMAKE),
        migrations.RunSQL(
            "ALTER TABLE broadcasts_budget SET (fillfactor = 50); ALTER TABLE broadcasts_chunk SET (fillfactor = 80);",
            "ALTER TABLE broadcasts_budget RESET (fillfactor); ALTER TABLE broadcasts_chunk RESET (fillfactor);",
        ),
    ]
