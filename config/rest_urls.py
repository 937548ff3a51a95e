"""Addresses below ``/api/v1/``: the resources of all floors, their documentation, and a problem for everything else."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from config import openapi  # noqa: F401 — drf-spectacular learns from it how keys are described
from config.rest_views import DocumentationPage, NoSuchPath, ProblemsPage
from feedback.timeline_api import Timelines

urlpatterns = [
    path("", include("broadcasts.rest_urls")),
    path("", include("consent.rest_urls")),
    path("", include("feedback.rest_urls")),
    path("contacts/<slug:code>/timeline", Timelines.as_view({"get": "retrieve"}), name="api-contact-timeline"),
    path("", include("templates_approval.rest_urls")),
    path("docs", DocumentationPage.as_view(), name="api-docs"),
    path("problems", ProblemsPage.as_view(), name="api-problems"),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="api-schema"),
    re_path("", NoSuchPath.as_view()),
]
