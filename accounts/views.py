"""The sign-in, sign-up and sign-out pages. Signing in by them creates a Device."""

from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView, RedirectURLMixin
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, resolve_url
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST
from django.views.generic import FormView

from accounts import rules, selectors, services
from accounts.middleware import client_of, device_of, speak
from accounts.models import User
from accounts.names import NAME_MAX
from chatproject.core.errors import ChatError, RateLimited
from chatproject.core.http.queued import REFUSED


class SignInForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=NAME_MAX)
    password = forms.CharField(label=_("Password"), strip=False, max_length=rules.PASSWORD_MAX)
    next = forms.CharField(required=False, widget=forms.HiddenInput)


@method_decorator([sensitive_post_parameters(), csrf_protect, never_cache], name="dispatch")
class CredentialsView(RedirectURLMixin, FormView):
    """A form for name and password.

    Then a redirect to `next`, an address of this site, or to the chat.
    """

    form_class = SignInForm
    next_page = settings.LOGIN_REDIRECT_URL

    def enter(self, *, name: str, password: str) -> User:
        """Sign in or up and return the user. Raises ChatError."""
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method == "GET" and request.user.is_authenticated:
            return redirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {"next": self.get_redirect_url()}

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(
            registration_open=rules.registration_is_open(),
            installation=self.request.POST.get("installation", ""),
            **context,
        )

    def form_valid(self, form: SignInForm) -> HttpResponse:
        try:
            if refused := getattr(self.request, "scope", {}).get(REFUSED):
                raise refused
            user = self.enter(name=form.cleaned_data["name"], password=form.cleaned_data["password"])
            if before := device_of(self.request):
                services.sign_out(device=before)
            services.open_browser(user=user, session=self.request.session, name=client_of(self.request))
        except ChatError as error:
            return self.refuse(form, error)
        rotate_token(self.request)
        response = redirect(self.get_success_url())
        if user.language:
            speak(response, user.language)
        return response

    def refuse(self, form: SignInForm, error: ChatError) -> HttpResponse:
        """The page again, with each error beside its field."""
        for field, texts in (error.errors or {NON_FIELD_ERRORS: [error.detail]}).items():
            for text in texts:
                form.add_error(field if field in form.fields else None, str(text))
        seconds = int(error.retry_after or 0) + 1 if isinstance(error, RateLimited) else None
        response = self.render_to_response(self.get_context_data(form=form, retry_after=seconds), status=error.status)
        if seconds:
            response["Retry-After"] = str(seconds)
        return response


class SignInView(CredentialsView):
    template_name = "accounts/sign_in.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method == "GET" and not selectors.has_owner():
            return redirect(f"{resolve_url('sign-up')}?{urlencode({'next': self.get_success_url()})}")
        return super().dispatch(request, *args, **kwargs)

    def enter(self, *, name: str, password: str) -> User:
        return services.sign_in(name=name, password=password, address=rules.address_of(self.request))


class SignUpView(CredentialsView):
    """Sign-up.

    Before the first account, the welcome page, whose form creates the owner or says why it cannot.
    """

    def get_template_names(self) -> list[str]:
        return ["accounts/sign_up.html" if selectors.has_owner() else "accounts/welcome.html"]

    def enter(self, *, name: str, password: str) -> User:
        return services.sign_up(
            name=name,
            password=password,
            address=rules.address_of(self.request),
            as_owner="as_owner" in self.request.POST,
            installation=self.request.POST.get("installation", ""),
        )

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not rules.may_sign_up():
            return redirect("sign-in")
        return super().dispatch(request, *args, **kwargs)


def chat_name(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the installation's name."""
    return {"chat_name": SimpleLazyObject(selectors.installation_name)}


class NewPasswordForm(forms.Form):
    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=rules.PASSWORD_MAX,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "input"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class NewPasswordView(PasswordResetConfirmView):
    """A new password by a link that staff gave. The link works once, and not after a day."""

    template_name = "accounts/new_password.html"
    form_class = NewPasswordForm  # type: ignore[assignment]

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            services.set_password(user=cast(User, self.user), new=form.cleaned_data["new_password"])
        except ChatError as error:
            for text in [text for texts in (error.errors or {}).values() for text in texts] or [error.detail]:
                form.add_error("new_password", str(text))
            return self.form_invalid(form)
        del self.request.session[INTERNAL_RESET_SESSION_TOKEN]
        return redirect("sign-in")


@require_POST
@csrf_protect
@never_cache
def sign_out(request: HttpRequest) -> HttpResponse:
    if device := device_of(request):
        services.sign_out(device=device)
    request.session.flush()
    return redirect(settings.LOGOUT_REDIRECT_URL or "sign-in")


@require_GET
@never_cache
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect the administration's sign-in to the sign-in page.

    Signed-in users who are not staff get 403.
    """
    if not request.user.is_authenticated:
        wanted = request.GET.get("next") or resolve_url("admin:index")
        return redirect(f"{resolve_url('sign-in')}?{urlencode({'next': wanted})}")
    if not request.user.is_staff:
        raise PermissionDenied
    return redirect("admin:index")
