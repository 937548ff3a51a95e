"""Addresses of what came back, below ``/api/v1/``."""

from django.urls import path

from feedback.api import Conversations, Exports, Messages

urlpatterns = [
    path("contacts/<slug:code>/export", Exports.as_view({"get": "retrieve"}), name="api-contact-export"),
    path("contacts/<slug:code>/conversation", Conversations.as_view({"get": "retrieve"}), name="api-conversation"),
    path("contacts/<slug:code>/answers", Conversations.as_view({"post": "answer"}), name="api-answers"),
    path("messages/<slug:code>", Messages.as_view({"get": "retrieve"}), name="api-message"),
]
