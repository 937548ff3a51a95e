"""Addresses of a business's own affairs. Every one below ``b/<code>/`` goes through ``access.member_view``."""

from django.urls import path

from businesses import views

urlpatterns = [
    path("b/<str:code>/wallet/", views.wallet_page, name="wallet"),
    path("b/<str:code>/keys/", views.keys_page, name="keys"),
    path("b/<str:code>/keys/<slug:prefix>/revoke/", views.revoke_key, name="key-revoke"),
    path("b/<str:code>/members/", views.members_page, name="members"),
    path("b/<str:code>/members/invite/", views.invite_member, name="member-invite"),
    path("b/<str:code>/members/change/", views.change_member, name="member-change"),
]
