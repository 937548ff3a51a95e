from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0020_line_types")]

    operations = [
        migrations.AddField(
            model_name="recipient",
            name="evidence_from",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
