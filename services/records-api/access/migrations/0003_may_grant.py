from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("access", "0002_request_counts")]
    operations = [
        migrations.AddField(
            "apikey",
            "may_grant",
            models.BooleanField(
                default=False,
                help_text="Let readers in and put them out, and make tickets.",
            ),
        ),
    ]
