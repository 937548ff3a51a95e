"""Addresses of what came back, below ``/api/v1/``."""

from django.urls import path

from feedback.api import Exports, Messages

urlpatterns = [
    path("contacts/<slug:code>/export", Exports.as_view({"get": "retrieve"}), name="api-contact-export"),
    path("messages/<slug:code>", Messages.as_view({"get": "retrieve"}), name="api-message"),
]
