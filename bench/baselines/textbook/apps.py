from django.apps import AppConfig


class TextbookConfig(AppConfig):
    name = "bench.baselines.textbook"
    label = "textbook"
