"""Under ``/b/<code>/templates/``: a business's templates, the composer and its preview, one version."""

from django.urls import path

from templates_approval import views

urlpatterns = [
    path("", views.templates, name="templates"),
    path("new/", views.compose, name="template-compose"),
    path("preview/", views.preview, name="template-preview"),
    path("<str:version_code>/", views.version, name="template-version"),
    path("<str:version_code>/edit/", views.edit, name="template-edit"),
    path("<str:version_code>/submit/", views.submit, name="template-submit"),
]
