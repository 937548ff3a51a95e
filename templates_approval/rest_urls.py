"""Addresses of the template versions resource, below ``/api/v1/``."""

from django.urls import path

from templates_approval.api import Versions

urlpatterns = [
    path("template-versions", Versions.as_view({"get": "list", "post": "create"}), name="api-versions"),
    path("template-versions/lint", Versions.as_view({"post": "lint"}), name="api-versions-lint"),
    path("template-versions/<slug:code>", Versions.as_view({"get": "retrieve"}), name="api-version"),
    path("template-versions/<slug:code>/submit", Versions.as_view({"post": "submit"}), name="api-version-submit"),
]
