"""OpenID Provider of the tests: Django OAuth Toolkit in a Django project of one file

    django_provider.py PORT ORIGIN LIFETIME DATABASE [--claims]

PORT is on 127.0.0.1, and the issuer is http://127.0.0.1:PORT/o. ORIGIN is the address of the application behind the
gateway. LIFETIME is the lifetime of the tokens in seconds. DATABASE is the path of a new file. With --claims, the
project adds claims to the ID token; without it, the token has those of the toolkit. The one account is testuser, and
its password is its name.
"""

import sys

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.urls import include, path

PORT, ORIGIN, LIFETIME, DATABASE = sys.argv[1:5]
# The primary key of the account, which is the claim sub.
SUBJECT = 730153
# Django imports this file again under its own name, to read the routes and the validator.
NAME = "django_provider"
sys.modules[NAME] = sys.modules[__name__]


def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


TEMPLATE = """<!doctype html><title>Sign in</title><form method="post">{% csrf_token %}
<input type="hidden" name="next" value="{{ next }}">{{ form }}<button>Sign in</button></form>"""
APPS = ["contenttypes", "auth", "sessions"]
TOOLKIT = {
    "OIDC_ENABLED": True,
    "OIDC_RSA_PRIVATE_KEY": private_key(),
    "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
    # The toolkit accepts only https otherwise.
    "ALLOWED_SCHEMES": ["http", "https"],
    "SCOPES": {"openid": "OpenID Connect", "profile": "Your name and groups", "email": "Your e-mail address"},
    "ACCESS_TOKEN_EXPIRE_SECONDS": int(LIFETIME),
    "ID_TOKEN_EXPIRE_SECONDS": int(LIFETIME),
    # A refresh token that is used again ends all tokens of the sign-in.
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
}
if "--claims" in sys.argv:
    TOOLKIT["OAUTH2_VALIDATOR_CLASS"] = f"{NAME}.ValidatorWithClaims"
settings.configure(
    SECRET_KEY="of one test",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=NAME,
    USE_TZ=True,
    INSTALLED_APPS=[f"django.contrib.{app}" for app in APPS] + ["oauth2_provider"],
    # Without migrations, the tables are created at once.
    MIGRATION_MODULES={app: None for app in [*APPS, "oauth2_provider"]},
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }],
    STATIC_URL="/static/",
    LOGIN_URL="/login",
    DATABASES={"default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATABASE,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA synchronous=OFF"},
    }},
    OAUTH2_PROVIDER=TOOLKIT,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.contrib.auth.views import LoginView  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import run  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.template import engines  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402
from oauth2_provider.oauth2_validators import OAuth2Validator  # noqa: E402


class ValidatorWithClaims(OAuth2Validator):
    oidc_claim_scope = OAuth2Validator.oidc_claim_scope | {"groups": "profile"}

    def get_additional_claims(self):
        return {
            "preferred_username": lambda request: request.user.get_username(),
            "email": lambda request: request.user.email,
            "email_verified": lambda request: True,
            "groups": lambda request: ["dev", "ops"],
        }


class Login(LoginView):
    def render_to_response(self, context, **_response):
        return HttpResponse(engines["django"].from_string(TEMPLATE).render(context, self.request))


urlpatterns = [path("login", Login.as_view()), path("o/", include("oauth2_provider.urls"))]


def main():
    call_command("migrate", run_syncdb=True, verbosity=0)
    User.objects.create_user("testuser", "testuser@example.test", "testuser", id=SUBJECT)
    Application.objects.create(
        client_id="foregate",
        client_secret="foregate-secret",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=f"{ORIGIN}/oauth2/callback",
        post_logout_redirect_uris=f"{ORIGIN}/oauth2/signed_out",
        algorithm=Application.RS256_ALGORITHM,
        name="The application",
    )
    run("127.0.0.1", int(PORT), get_wsgi_application(), threading=True)


if __name__ == "__main__":
    main()
