"""A person can make the links in old messages worthless."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('consent', '0010_import_columns_and_stops'),
    ]

    operations = [
        migrations.AddField(
            model_name='recipient',
            name='links_valid_from',
            field=models.DateTimeField(help_text='Links in older messages open nothing any more.', null=True),
        ),
    ]
