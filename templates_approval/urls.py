"""Under ``/b/<code>/templates/``: a business's templates, the composer and its preview, one version."""

from django.urls import path

from templates_approval import views

urlpatterns = [
    path("", views.templates, name="templates"),
    path("new/", views.compose, name="template_compose"),
    path("preview/", views.preview, name="template_preview"),
    path("<str:version_code>/", views.version, name="template_version"),
    path("<str:version_code>/edit/", views.edit, name="template_edit"),
    path("<str:version_code>/submit/", views.submit, name="template_submit"),
]
