from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0019_phones_that_live")]

    operations = [migrations.AddField("sendermedia", "lost_at", models.DateTimeField(null=True))]
