"""Django's settings.

Each installation's own come from the environment, or from `.env` beside manage.py.
"""

import os
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF

from chatproject import environment
from chatproject.core.db import config as db
from chatproject.core.http import headers
from chatproject.core.redis import address, embedded

BASE_DIR = Path(__file__).resolve().parent.parent
env = environment.Environment()
#: What this process was started with: a worker that is started later reads `.env` itself.
STARTED_WITH = dict(os.environ)
env.read_env(BASE_DIR / ".env")

# Process and data -----------------------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
LOG_LEVEL = environment.one_of(
    "LOG_LEVEL", env.str("LOG_LEVEL", default="INFO").upper(), ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
)
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000, most=65535)
WORKERS = env.int("WORKERS", default=1)
WORKER_TIMEOUT = env.int("WORKER_TIMEOUT", default=30)  # seconds after which a worker that hangs is replaced; 0: never
DATA_DIR = environment.data_dir("DATA_DIR", BASE_DIR / env.str("DATA_DIR", default="var"))
MEDIA_ROOT = BASE_DIR / env.str("MEDIA_ROOT", default="media")

DATABASES = {
    "default": db.configure(
        env.str("DATABASE_URL", default=""),
        default_path=DATA_DIR / "chat.sqlite3",
        # NORMAL loses nothing when the process is killed; FULL is slower, and loses nothing when
        # power fails.
        synchronous=env.str("SQLITE_SYNCHRONOUS", default="NORMAL").upper(),
    )
}
DEFAULT_AUTO_FIELD = db.auto_field(DATABASES["default"])
MIGRATION_MODULES = db.migration_modules(DATABASES["default"])

REDIS_EMBEDDED = not env.str("REDIS_URL", default="")
#: Of the pages of histories that Redis keeps (messaging/history_cache.py), and of all that the embedded one keeps.
HISTORY_CACHE_BYTES = env.int("HISTORY_CACHE_BYTES", default=64 * 1024 * 1024)
REDIS_MAX_BYTES = env.int("REDIS_MAX_BYTES", default=512 * 1024 * 1024)
REDIS_URL = embedded.url(DATA_DIR) if REDIS_EMBEDDED else address.checked(env.str("REDIS_URL"))
# What the names in Redis begin with, so that several installations can share one: groups, channels
# and our own keys do in any case, the keys that operators know (docs/operating.md) where it is
# given.
REDIS_PREFIX = environment.redis_prefix(env.str("REDIS_PREFIX", default=""))

# Access ---------------------------------------------------------------------------------------------------------------

SECRET_KEY = environment.secret_key(env.str("SECRET_KEY", default=""), DATA_DIR, debug=DEBUG)
# Former keys: their signatures stay valid while a new key is introduced.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

_hosts = env.list("ALLOWED_HOSTS", default=[])
_origins = environment.origins(env.list("ALLOWED_ORIGINS", default=[]))
# Without either, a chat that serves a network is known there by the addresses and names of its
# computer as it starts.
_own = environment.served_hosts(HOST) if not _hosts and not _origins else []
ALLOWED_HOSTS = _hosts or ["localhost", "127.0.0.1", *_own, *environment.hosts_of(_origins)]
ALLOWED_ORIGINS = _origins or environment.origins_of(ALLOWED_HOSTS, PORT)
CSRF_TRUSTED_ORIGINS = ALLOWED_ORIGINS
CSRF_FAILURE_VIEW = "chatproject.core.http.error_views.csrf"

# Networks whose X-Forwarded-For and X-Forwarded-Proto are trusted, like 10.0.0.0/8. None by
# default: any client can send such a header, and rate limits use addresses.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])

# TLS ends at a proxy, which also redirects plain HTTP (so no SECURE_SSL_REDIRECT). If all origins
# use TLS, cookies are sent only over TLS.
_over_tls = all(origin.startswith("https://") for origin in ALLOWED_ORIGINS)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _over_tls
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _over_tls else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains and
    "security.W021",  # its preload list: decisions about a domain that is not ours
    "security.W008",  # SECURE_SSL_REDIRECT: see above
    *([] if _over_tls else ["security.W004", "security.W012", "security.W016"]),  # TLS on a machine of one's own
]

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # of imported users; rehashed at sign-in
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_RESET_TIMEOUT = 24 * 3600  # seconds for which a link to set a new password works
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "sign-in"

# Days after which a device that was not used has to sign in again.
DEVICE_DAYS = env.int("DEVICE_DAYS", default=90, least=1)
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_CACHE_ALIAS = "sessions"
SESSION_COOKIE_AGE = DEVICE_DAYS * 24 * 3600
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"

# Backups --------------------------------------------------------------------------------------------------------------

# Encrypts what `manage.py backup` writes, and opens it again.
BACKUP_PASSPHRASE = env.str("BACKUP_PASSPHRASE", default="")
# A folder for archives that the chat makes by itself, every so many hours, and how many of them are kept; "": none.
BACKUP_TO = env.str("BACKUP_TO", default="")
BACKUP_HOURS = env.int("BACKUP_HOURS", default=24, least=1)
BACKUP_KEEP = env.int("BACKUP_KEEP", default=7, least=1)

# Encryption at rest: docs/operating.md -------------------------------------------------------------------------------

# What people write is encrypted in the database, the files, Redis and backups.
ENCRYPTION = env.bool("ENCRYPTION", default=True)
# The key that opens the data keys: itself, a file, or a command that prints it. Without one it is made in DATA_DIR.
ENCRYPTION_KEY = env.str("ENCRYPTION_KEY", default="")
ENCRYPTION_KEY_FILE = env.str("ENCRYPTION_KEY_FILE", default="")
ENCRYPTION_KEY_COMMAND = env.str("ENCRYPTION_KEY_COMMAND", default="")
# Former keys: what they wrapped is wrapped by the new one when the chat starts.
ENCRYPTION_KEY_FALLBACKS = env.list("ENCRYPTION_KEY_FALLBACKS", default=[])

# A larger database is upgraded only after a backup of the last day, or with `serve --yes`; 0: any is.
UPGRADE_BACKUP_BYTES = env.int("UPGRADE_BACKUP_BYTES", default=100 * 1024 * 1024)

# Limits ---------------------------------------------------------------------------------------------------------------

REGISTRATION = env.str("REGISTRATION", default="open")
# open, or closed: who may find, join and read a group whose creator did not say. The page always says.
NEW_GROUPS = env.str("NEW_GROUPS", default="open")
# Minutes for which staff may read a chat that is not theirs, after they said why.
STAFF_ACCESS_MINUTES = env.int("STAFF_ACCESS_MINUTES", default=60)
# Which people guests find and write to: everyone, or contacts, the members of their own chats. Guests who see only
# contacts enter groups by invitation.
GUESTS_SEE = env.str("GUESTS_SEE", default="everyone")
# Names that only staff may have, beside admin, system, 官方 and their like: your company's, a department's.
RESERVED_NAMES = env.list("RESERVED_NAMES", default=[])
# Seconds; None: at any time.
RECALL_WINDOW = None if env.str("RECALL_WINDOW", default="") == "always" else env.int("RECALL_WINDOW", default=120)
EDIT_WINDOW = env.int("EDIT_WINDOW", default=24 * 3600)  # seconds; 0: no limit
EDIT_HISTORY = env.bool("EDIT_HISTORY", default=True)  # keep what messages said before, for admins
FILTER_HITS_DAYS = env.int("FILTER_HITS_DAYS", default=90)  # until what a word list found is forgotten
DISSOLVED_DAYS = env.int("DISSOLVED_DAYS", default=30)  # until what is left of a dissolved group is deleted
RATE_MESSAGES = env.str("RATE_MESSAGES", default="30/10s")
RATE_CHAT_MESSAGES = env.str("RATE_CHAT_MESSAGES", default="300/10s")  # of all members together, in one chat
# Points of everything else that one user does: `core/costs.py`.
RATE_ACTIONS = env.str("RATE_ACTIONS", default="1200/m")
RATE_SIGNUPS = env.str("RATE_SIGNUPS", default="60/h")
RATE_SIGNINS = env.str("RATE_SIGNINS", default="30/5m")  # of one account, with the right password
RATE_SIGNIN_FAILURES = env.str("RATE_SIGNIN_FAILURES", default="10/5m")
RATE_UPLOADS = env.str("RATE_UPLOADS", default="20/m")
RATE_CONNECTIONS = env.str("RATE_CONNECTIONS", default="30/10s")
# What may be open at the same time: connections and sockets of one address in one web process, and
# sockets of one person in it.
CONNECTIONS_PER_ADDRESS = env.int("CONNECTIONS_PER_ADDRESS", default=256, least=1)
SOCKETS_PER_ADDRESS = env.int("SOCKETS_PER_ADDRESS", default=1000, least=1)
SOCKETS_PER_PERSON = env.int("SOCKETS_PER_PERSON", default=50, least=1)
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", default=10 * 1024 * 1024, least=1)  # of a picture or a recording
MAX_FILE_BYTES = env.int("MAX_FILE_BYTES", default=100 * 1024 * 1024, least=1)  # of a file that is kept as it is
# Of a video: bytes, seconds, megapixels of its picture; and seconds of processor that it may take to be made playable.
MAX_VIDEO_BYTES = env.int("MAX_VIDEO_BYTES", default=64 * 1024 * 1024, least=1)
VIDEO_SECONDS = env.int("VIDEO_SECONDS", default=600, least=1)
VIDEO_MEGAPIXELS = env.int("VIDEO_MEGAPIXELS", default=9, least=1)
VIDEO_CPU_SECONDS = env.int("VIDEO_CPU_SECONDS", default=60, least=2)
# Bytes of one user's files, of a guest's, and of everybody's; 0: no limit.
UPLOAD_QUOTA = env.int("UPLOAD_QUOTA", default=2 * 1024**3)
UPLOAD_QUOTA_GUESTS = env.int("UPLOAD_QUOTA_GUESTS", default=50 * 1024**2)
UPLOAD_TOTAL = env.int("UPLOAD_TOTAL", default=0)
DISK_RESERVE = env.int("DISK_RESERVE", default=1024**3)  # bytes that uploads leave free for messages
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024  # of a body without files
# Decimals of a place's degrees that are kept: 3 are a hundred metres, "" keeps all.
LOCATION_DECIMALS = environment.decimals(env.str("LOCATION_DECIMALS", default=""))
# The service that finds a place's address, like
# https://nominatim.example.org/reverse?format=jsonv2&lat={latitude}&lon={longitude}
# and the one that finds places by a name, with {query}.
GEOCODER_URL = env.str("GEOCODER_URL", default="")
GEOCODER_SEARCH_URL = env.str("GEOCODER_SEARCH_URL", default="")
GEOCODER_DATUM = environment.datum("GEOCODER_DATUM", env.str("GEOCODER_DATUM", default="wgs84"))

# Monitoring: docs/operating.md ----------------------------------------------------------------------------------------

METRICS_TOKEN = environment.token("METRICS_TOKEN", env.str("METRICS_TOKEN", default=""))
METRICS_ADDRESS = environment.address("METRICS_ADDRESS", env.str("METRICS_ADDRESS", default=""))
# The address of an OpenTelemetry collector, to which traces go by OTLP over HTTP; "": none are made.
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
OTEL_SERVICE_NAME = env.str("OTEL_SERVICE_NAME", default="chat")
LOG_FORMAT = environment.one_of("LOG_FORMAT", env.str("LOG_FORMAT", default="line"), ("line", "json"))

# Notifications without an open page -----------------------------------------------------------------------------------

# They pass through the push services of browser makers, which see the time and the browser, not the
# content.
WEB_PUSH = env.bool("WEB_PUSH", default=True)
VAPID_PRIVATE_KEY = environment.vapid_key(env.str("VAPID_PRIVATE_KEY", default=""), DATA_DIR) if WEB_PUSH else ""
VAPID_CONTACT = environment.vapid_contact(env.str("VAPID_CONTACT", default=""), ALLOWED_ORIGINS)
RATE_PUSHES = env.str("RATE_PUSHES", default="20/m")  # to one user
# Allow push services on the own network and without TLS: your own, or a test's. Users name their
# addresses.
WEB_PUSH_LOCAL = env.bool("WEB_PUSH_LOCAL", default=False)

# Applications ---------------------------------------------------------------------------------------------------------

INSTALLED_APPS = db.installed_apps(
    DATABASES["default"],
    [
        "chatproject.core",  # first: its runserver command replaces those of Django and daphne
        "moderation",
        "presence",
        "accounts",
        "groups",
        "notifications",
        "messaging",
        "demo",
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "servestatic",
        "django.contrib.staticfiles",
        "channels",
        "rest_framework",
        "drf_spectacular",
        "drf_spectacular_sidecar",
        "csp",
        "js_lib_leaflet",
    ],
)
MIDDLEWARE = [
    "chatproject.core.http.headers.PrivateByDefault",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "chatproject.core.http.probes.answer_probes",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.DeviceMiddleware",
    "accounts.middleware.LocalTimeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "chatproject.urls"
ASGI_APPLICATION = "chatproject.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "accounts.views.chat_name",
            ]
        },
    }
]

# Redis: data that may be lost -----------------------------------------------------------------------------------------

_prefix = REDIS_PREFIX or environment.derived_redis_prefix(SECRET_KEY)
REDIS_KEY_PREFIX = f"{_prefix}:"
REDIS_DOCUMENTED_KEY_PREFIX = f"{REDIS_PREFIX}:" if REDIS_PREFIX else ""

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "chatproject.core.hub.layer.Layer",
        "CONFIG": {"hosts": address.layer_hosts(REDIS_URL), "prefix": _prefix},
    }
}
_cache: dict[str, Any] = {
    "BACKEND": "django_redis.cache.RedisCache",
    "LOCATION": [REDIS_URL],  # a list: a text would be split at its commas
    "KEY_PREFIX": _prefix,
    "OPTIONS": {
        "CONNECTION_FACTORY": "chatproject.core.redis.client.SharedConnections",
        "SERIALIZER": "django_redis.serializers.json.JSONSerializer",  # the default unpickles, which can run any code
    },
}
CACHES = {
    "default": _cache,
    # A copy of the session table: without Redis a session costs one more query.
    "sessions": {
        **_cache,
        "KEY_PREFIX": f"{_prefix}:sessions",
        "OPTIONS": {**_cache["OPTIONS"], "IGNORE_EXCEPTIONS": True},
    },
}

# Languages ------------------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
#: Each by its own name. The first Chinese is that of a browser which asks for "zh" and says no more.
LANGUAGES = [("zh-hans", "简体中文"), ("zh-hant", "繁體中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

# Files ----------------------------------------------------------------------------------------------------------------

# Where this process serves the site's own files, and where pages find them: here, or at a CDN that fetches them here.
STATIC_PATH = "/static/"
STATIC_URL_BASE = env.str("STATIC_URL_BASE", default="")
STATIC_URL = STATIC_URL_BASE or STATIC_PATH
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Uploads are written to the disk on which they will stay, so that storing one is a rename.
FILE_UPLOAD_HANDLERS = ["chatproject.core.http.multipart.ScratchUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024  # of a request's body, in memory
FILE_UPLOAD_TEMP_DIR = environment.data_dir("MEDIA_ROOT", MEDIA_ROOT / ".scratch")
# The group of a web server that serves the files. Without one, nobody else on the machine reads them.
MEDIA_GROUP = environment.group_id(env.str("MEDIA_GROUP", default=""))
FILE_UPLOAD_PERMISSIONS = 0o600 if MEDIA_GROUP is None else 0o640
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700 if MEDIA_GROUP is None else 0o750
DATA_UPLOAD_MAX_NUMBER_FILES = 4
# The address at which nginx serves MEDIA_ROOT when we tell it to; "": this process serves files.
X_ACCEL_REDIRECT = env.str("X_ACCEL_REDIRECT", default="")
# Where a CDN hands out pictures and recordings, the key that it shares with us, and how long an address is good.
MEDIA_URL_BASE = env.str("MEDIA_URL_BASE", default="")
MEDIA_URL_KEY = env.str("MEDIA_URL_KEY", default="")
MEDIA_URL_SECONDS = env.int("MEDIA_URL_SECONDS", default=300, least=1)
# Whether the bucket hands them out itself.
MEDIA_FROM_BUCKET = env.bool("MEDIA_FROM_BUCKET", default=False)
STORAGES = {
    "default": environment.media_storage(env),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "servestatic.storage.CompressedManifestStaticFilesStorage"
    },
}
SERVESTATIC_ALLOW_ALL_ORIGINS = bool(STATIC_URL_BASE)  # scripts and fonts of another origin have to be allowed
SERVESTATIC_ADD_HEADERS_FUNCTION = headers.add_to_static
SERVESTATIC_KEEP_ONLY_HASHED_FILES = True

# HTTP API -------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.DeviceAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["chatproject.core.http.api.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["chatproject.core.http.api.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["chatproject.core.http.throttle.BudgetThrottle"],
    "EXCEPTION_HANDLER": "chatproject.core.http.api.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Chat",
    "DESCRIPTION": "The HTTP door of the chat. The socket and what delivery promises: docs/api.md.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",  # from our own origin
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "chatproject.core.http.documented_errors.add_problems",
    ],
    "OAS_VERSION": "3.1.0",  # its schemas are JSON Schema, which the socket's AsyncAPI document needs
    "ENUM_NAME_OVERRIDES": {
        "MessageType": "messaging.types.NAMES",
        "SentType": "messaging.types.SENT",
        "ChatType": "groups.serializers.CHAT_TYPES",
        "Role": "groups.models.Membership.Role",
        "GivenRole": "groups.serializers.GIVEN_ROLES",
        "Level": "accounts.notifying.LEVELS",
    },
}

# Maps -----------------------------------------------------------------------------------------------------------------

# The address of map tiles, like https://tile.example.org/{z}/{x}/{y}.png, or a name for it. None by default,
# because the tile server sees which places users look at. A place can be chosen without tiles.
_tiles = environment.tiles(env.str("TILE_URL", default=""))
TILE_URL = _tiles.url
TILE_ATTRIBUTION = env.str("TILE_ATTRIBUTION", default=_tiles.attribution)
TILE_DATUM = environment.datum("TILE_DATUM", env.str("TILE_DATUM", default=_tiles.datum))

# Content security -----------------------------------------------------------------------------------------------------

_MEDIA = [
    *environment.origin_of(MEDIA_URL_BASE),
    *(environment.bucket_origins(STORAGES["default"]) if MEDIA_FROM_BUCKET else []),
]

#: Where the site's own files are.
_OURS = [SELF, *([STATIC_URL_BASE] if STATIC_URL_BASE else [])]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [*_OURS, NONCE],
        "style-src": _OURS,
        "img-src": [
            *_OURS,
            "data:",
            "blob:",
            *_MEDIA,
            *environment.tile_sources(TILE_URL),
        ],
        "media-src": [*_OURS, "blob:", *_MEDIA],
        "font-src": _OURS,
        "connect-src": [*_OURS, *environment.socket_origins(ALLOWED_ORIGINS)],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# Logs, which contain no messages and no secrets -----------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "chatproject.core.logs.OneLine",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
        "json": {"()": "chatproject.core.logs.JsonLine"},
    },
    "filters": {
        "foreseen": {"()": "chatproject.core.logs.Foreseen"},
        "fewer": {"()": "chatproject.core.logs.Fewer"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["foreseen", "fewer"]},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Replaces Django's handlers: one line on the console, and no mail with a request's content.
        "django": {"level": LOG_LEVEL, "handlers": [], "propagate": True},
        # Clients' mistakes are answered, not logged.
        "django.request": {"level": "ERROR"},
        "django.server": {"level": "WARNING", "handlers": [], "propagate": True},
        # Their lines for every request and socket contain query strings.
        "uvicorn.access": {"level": "CRITICAL"},
        "uvicorn.error": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
    },
}
