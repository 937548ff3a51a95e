"""Addresses of the API that are no resource: its reference, its problems explained, and those that do not exist."""

from typing import Any

from django.utils.translation import gettext as _
from django.views.generic import TemplateView
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from businesses import keys
from config.problems import PROBLEMS


class DocumentationPage(SpectacularSwaggerSplitView):
    """The API's reference, which can be tried out; its script is a file of its own, as the browser's rules demand."""

    template_name = "api/docs.html"
    url_name = "api-schema"


class ProblemsPage(TemplateView):
    """What each kind of problem means: where ``type`` leads."""

    template_name = "api/problems.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = [{"kind": kind, "status": http, "title": title} for kind, (http, title) in PROBLEMS.items()]
        return super().get_context_data(problems=rows, scopes=keys.SCOPES, **kwargs)


class NoSuchPath(APIView):
    """Whatever address below ``/api/`` is nobody's: a problem like any other, not a page."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(_("There is no such address. The list of all is on the documentation page."))
