from django.db import migrations

# The row versions of everything that ``plan.read`` looks at: as long as the mark is the same, so is the plan.
# Of the broadcast itself only what a plan holds: lanes write in its row all the time.
MAKE = """
CREATE FUNCTION plan_mark(of_broadcast bigint) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT concat_ws(
        ' ', b.state, b.ends_at, b.messages_per_second, business.xmin, sender.xmin, template.xmin,
        (SELECT string_agg(version.xmin::text, ',' ORDER BY version.id)
         FROM broadcasts_broadcastversion line
         JOIN templates_approval_version version ON version.id = line.version_id
         WHERE line.broadcast_id = b.id),
        '/',
        (SELECT string_agg(line.xmin::text, ',' ORDER BY line.id)
         FROM broadcasts_broadcastversion line WHERE line.broadcast_id = b.id),
        '/',
        (SELECT standing.xmin FROM broadcasts_standing standing WHERE standing.sender_id = b.sender_id),
        '/',
        (SELECT string_agg(theirs.xmin::text, ',' ORDER BY theirs.id)
         FROM broadcasts_broadcastversion line
         JOIN broadcasts_providertemplate theirs ON theirs.version_id = line.version_id
         WHERE line.broadcast_id = b.id),
        '/',
        (SELECT string_agg(media.xmin::text, ',' ORDER BY media.id)
         FROM broadcasts_sendermedia media WHERE media.sender_id = b.sender_id)
    )
    FROM broadcasts_broadcast b
    JOIN businesses_business business ON business.id = b.business_id
    JOIN broadcasts_sender sender ON sender.id = b.sender_id
    JOIN templates_approval_template template ON template.id = b.template_id
    WHERE b.id = of_broadcast
$$;
"""
UNMAKE = "DROP FUNCTION plan_mark(bigint);"


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0017_exact_counts"),
        ("businesses", "0003_seed_prices"),
        ("templates_approval", "0002_guards"),
    ]

    operations = [migrations.RunSQL(MAKE, UNMAKE)]
