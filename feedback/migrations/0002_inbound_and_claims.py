from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("feedback", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="callback",
            name="claimed_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="InboundMessage",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "sender_id", "provider_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sender_id", models.BigIntegerField()),
                ("provider_id", models.CharField(max_length=128)),
                ("heard_at", models.DateTimeField()),
            ],
        ),
    ]
