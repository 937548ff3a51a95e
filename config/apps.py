"""Makes `config` an app, so that Django finds its commands, pages, styles and translations."""

from django.apps import AppConfig


class Config(AppConfig):
    name = "config"
    verbose_name = "Tambour"
