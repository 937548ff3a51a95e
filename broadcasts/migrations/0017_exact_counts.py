from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0016_local_hours")]

    operations = [
        migrations.AddField(
            model_name="estimate",
            name="exact_due_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="estimate",
            index=models.Index(
                fields=["exact_due_at"], condition=Q(exact_due_at__isnull=False), name="estimate_exact_due"
            ),
        ),
    ]
