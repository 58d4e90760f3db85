from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "chatproject.core"
    label = "core"

    def ready(self) -> None:
        from chatproject.core import checks  # noqa: F401  (it registers them)
