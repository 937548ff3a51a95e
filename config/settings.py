"""Everything Tambour can be told from outside, read from the environment (see `.env.example`).

A secret has no default outside DEBUG: a forgotten one stops the start with its name.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from config import logs

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="only-for-debugging") if DEBUG else env.str("SECRET_KEY")

# Where the world finds this installation; https turns on everything that belongs to it.
PUBLIC_URL = env.str("PUBLIC_URL", default="http://localhost:8000").rstrip("/")
HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname or "localhost", *env.list("ALLOWED_HOSTS", default=[])]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# --- The house ---------------------------------------------------------------------------------

INSTALLED_APPS = [
    # Top floor first: its pages win over those of the libraries below.
    "config",
    "feedback",
    "broadcasts",
    "templates_approval",
    "consent",
    "businesses",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.logs.RequestContext",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.rest.RateLimitHeaders",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- State -------------------------------------------------------------------------------------

# The plain role reads and writes rows; only `migrate` (see manage.py) works as the owner.
DATABASE_URL_OF = {
    "app": env.str("DATABASE_URL"),
    "owner": env.str("DATABASE_OWNER_URL", default="") or env.str("DATABASE_URL"),
}
DATABASE: dict[str, Any] = env.db_url_config(DATABASE_URL_OF[env.str("DATABASE_ROLE", default="app")])
DATABASE["CONN_HEALTH_CHECKS"] = True
if DATABASE_POOL_SIZE := env.int("DATABASE_POOL_SIZE", default=8):
    DATABASE.setdefault("OPTIONS", {})["pool"] = {"min_size": 0, "max_size": DATABASE_POOL_SIZE, "timeout": 10}
DATABASES = {"default": DATABASE}

REDIS_URL = env.str("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "tambour",
    }
}

# --- The clock and the workers -----------------------------------------------------------------

# Celery spells the address of a unix socket in its own way.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_restore_limit": 1000,
    "socket_keepalive": True,
    "global_keyprefix": "tambour:",
}
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# --- Who may come in ---------------------------------------------------------------------------

AUTH_USER_MODEL = "businesses.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Tambour"

vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Tambour <tambour@localhost>")

# --- What a browser may do ---------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True

STATIC_URL = "static/"
# The image serves files with hashed names, collected when it is built; a checkout serves them as they lie, and a folder
# that was never filled is not looked for.
STATIC_COLLECTED = env.bool("STATIC_COLLECTED", default=not DEBUG)
STATIC_ROOT = env.path("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")) if STATIC_COLLECTED else None
WHITENOISE_USE_FINDERS = not STATIC_COLLECTED
# What businesses upload; every process that serves or imports must see the same folder.
MEDIA_ROOT = env.path("MEDIA_ROOT", default=str(BASE_DIR / ".local" / "media"))
# What a restored backup must be told (erasures since it was made): beside the backups, never inside the database.
JOURNAL_ROOT = env.path("JOURNAL_ROOT", default=str(BASE_DIR / ".local" / "journal"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- The reviewers' desk -----------------------------------------------------------------------

# How long a business waits for a decision about its template before the desk calls it late.
TEMPLATE_REVIEW_HOURS = env.int("TEMPLATE_REVIEW_HOURS", default=24)
# JSON of the goods that are forbidden or restricted here; empty: templates_approval/rules/data/verticals.json.
TEMPLATE_GOODS_FILE = env.str("TEMPLATE_GOODS_FILE", default="")

# --- Sending -----------------------------------------------------------------------------------

# How many lanes (event loops that send) may run at once, over all workers.
LANES = env.int("LANES", default=2)
# host:port of the operator's own messaging services; every other address is reached through the guard.
TRUSTED_HOSTS = env.list("TRUSTED_HOSTS", default=[])
# Meta's Cloud API, with its version; an emulator's address for tests. Only the operator says it, never a tenant.
WHATSAPP_API_URL = env.str("WHATSAPP_API_URL", default="https://graph.facebook.com/v24.0").rstrip("/")
# The secret of the operator's own Meta app, which signs what WhatsApp tells; a sender may bring its own.
WHATSAPP_APP_SECRET = env.str("WHATSAPP_APP_SECRET", default="")
# Where this installation reaches itself; the sandbox's phones report to its callback door through it.
INTERNAL_URL = (env.str("INTERNAL_URL", default="") or PUBLIC_URL).rstrip("/")

# --- The API -----------------------------------------------------------------------------------

API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", default=600)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["config.rest.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["config.rest.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["config.rest.PerKey"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.rest.StrictJSON"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "config.rest.NewestFirst",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.problems.problem_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tambour",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "DESCRIPTION": _("Broadcasts by machine. Try it with a key of the test mode: nothing of it reaches a real phone."),
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "config.openapi.document_problems"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "BroadcastState": "broadcasts.models.Broadcast.State",
        "ImportKind": "consent.models.ImportBatch.Kind",
        "InteractionKind": "consent.api.contacts.KINDS",
        "StopScope": "broadcasts.models.EmergencyStop.Scope",
        "TemplateVersionState": "templates_approval.models.Version.State",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- People ------------------------------------------------------------------------------------

# Numbers kept for films and books may stand in live accounts' files too (demo, developers): see consent/fiction.py.
FICTION_NUMBERS_ALLOWED = env.bool("FICTION_NUMBERS_ALLOWED", default=DEBUG)

# Where the signed roots of the ledger are kept: outside the database (see consent/roots.py).
LEDGER_ROOTS = env.path("LEDGER_ROOTS", default=str(BASE_DIR / ".local" / "roots"))
# 32 random bytes in base64 that sign roots and proofs; by default they come from SECRET_KEY.
LEDGER_SIGNING_KEY = env.str("LEDGER_SIGNING_KEY", default="")
# Public keys, in base64, of signing keys used before: what they signed stays genuine.
LEDGER_PUBLIC_KEYS = env.list("LEDGER_PUBLIC_KEYS", default=[])
# For so long the link in an offer opens its page; afterwards the page of one's number does (/p/).
LINK_DAYS = max(30, env.int("LINK_DAYS", default=180))
# How many proxies of yours stand in front and add to X-Forwarded-For: whoever asks for codes is counted by address.
PROXIES_IN_FRONT = int(env.str("PROXIES_IN_FRONT", default="") or HTTPS)

# --- Languages and time ------------------------------------------------------------------------

LANGUAGES = [("fr", _("French")), ("en", _("English"))]
LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- What is written down ----------------------------------------------------------------------

LOGGING = logs.configure(
    level=env.str("LOG_LEVEL", default="INFO"),
    lines_for=env.str("LOG_FORMAT", default="person" if DEBUG else "program"),
)
