"""Where every door is found."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from config import health, views

admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", views.front, name="front"),
    path("open/", views.open_business, name="open-business"),
    path("b/<str:code>/", views.home, name="home"),
    path("language/", include("django.conf.urls.i18n")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.rest_urls")),
    path("b/<str:code>/templates/", include("templates_approval.urls")),
    path("", include("broadcasts.urls")),
    # What is below a business's contacts with a name of its own comes before one contact's page, which is upstairs.
    path("", include("consent.urls")),
    path("", include("feedback.urls")),
    path("", include("businesses.urls")),
]
