"""Users and devices in the administration. Every change goes through services, and is logged."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from accounts import rules, selectors, services
from accounts.models import Device, Installation, User
from accounts.names import clean_name, name_key
from chatproject.core import errors, times
from chatproject.core.admin import BoundedPaginator, OfferedFilters, ReadOnlyAdmin, ask, ask_and_act, link
from chatproject.core.errors import ChatError

T = TypeVar("T")

#: Django has these verbs in English only.
VERBS = {"add": _("add"), "change": _("change"), "delete": _("delete"), "view": _("see")}

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


def _languages() -> list[tuple[str, Any]]:
    return [("", _("as the browser asks")), *settings.LANGUAGES]


class PermissionsField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, permission: Permission) -> str:
        verb = permission.codename.partition("_")[0]
        return f"{permission.content_type}: {VERBS.get(verb, permission.name)}"


class UserForm(forms.ModelForm):
    """The fields of a user that staff may change.

    A new password can be set; the stored one is never shown.
    """

    language = forms.ChoiceField(label=_("Language"), choices=_languages, required=False)
    new_password = forms.CharField(
        label=_("New password"),
        required=False,
        strip=False,
        max_length=rules.PASSWORD_MAX,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Signs the person out everywhere."),
    )

    class Meta:
        model = User
        fields = ("name", "img", "language")

    def clean_name(self) -> str:
        if self.cleaned_data["name"].strip() == self.instance.name:
            return str(self.instance.name)
        name = _checked(lambda: clean_name(self.cleaned_data["name"]))
        if selectors.looks_taken(name, but=self.instance.pk):
            raise forms.ValidationError(errors.NameLooksTaken.title)
        if User.objects.filter(name_key=name_key(name)).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("This name is taken."))
        return name

    def clean_img(self) -> str:
        return _checked(lambda: rules.clean_img(self.cleaned_data["img"], shown=self.initial.get("img", "")))

    def clean_language(self) -> str:
        return _checked(lambda: rules.clean_language(self.cleaned_data["language"]))

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        if password:
            user = User(name=self.cleaned_data.get("name", ""))
            _checked(lambda: rules.require_good_password(password, user))
        return password


class ProfileForm(UserForm):
    """For staff who give no passwords."""

    new_password = None  # type: ignore[assignment]  # Django's way to leave out a field


class NewUserForm(UserForm):
    """A new user, also while registration is closed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].required = True
        self.fields["new_password"].help_text = ""


def _checked(check: Callable[[], T]) -> T:
    """Run a rule of `rules`; its ChatError becomes a ValidationError."""
    try:
        return check()
    except ChatError as error:
        texts = [text for texts in (error.errors or {}).values() for text in texts] or [error.detail]
        raise forms.ValidationError([str(text) for text in texts]) from None


@admin.register(User)
class UserAdmin(OfferedFilters):
    form = UserForm
    list_display = ("name", "state", "is_guest", "is_staff", "last_active", "created_at")
    list_filter = ("is_active", "is_staff", "is_guest", "last_active", "created_at")
    search_fields = ("name", "name_key")
    search_help_text = _("Part of a name")
    ordering = ("-pk",)
    readonly_fields = (
        *("is_active", "banned_until", "silenced_until", "is_guest", "is_invisible", "last_active", "created_at"),
        *("says", "elsewhere"),
    )
    actions = (
        *("deactivate", "activate", "ban_day", "ban_week", "silence_hour", "silence_day", "unsilence"),
        *("take_status", "take_picture", "new_link"),
    )
    show_full_result_count = False
    paginator = BoundedPaginator

    # Who may ----------------------------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or rules.may_edit(_staff(request), obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # messages keep their sender: users are deactivated instead

    def has_passwords_permission(self, request: HttpRequest) -> bool:
        return rules.may_give_passwords(_staff(request))

    # The form ---------------------------------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = NewUserForm if obj is None else UserForm if self.has_passwords_permission(request) else ProfileForm
        return super().get_form(request, obj, change, **kwargs | {"form": form})

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        has_password = obj is None or self.has_passwords_permission(request)
        profile = (None, {"fields": ("name", "img", "language", *(("new_password",) if has_password else ()))})
        if obj is None:
            return (profile,)
        return (profile, (_("State"), {"fields": self.readonly_fields}), (_("Rights"), {"fields": RIGHTS}))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs |= {"label": _("Roles")}
        if db_field.name == "user_permissions":
            kwargs |= {"form_class": PermissionsField, "queryset": Permission.objects.select_related("content_type")}
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        may_give_rights = _staff(request).is_superuser and obj != request.user
        return self.readonly_fields if may_give_rights else (*self.readonly_fields, *RIGHTS)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        given = form.cleaned_data
        if not change:
            profile = {field: given[field] for field in ("name", "img", "language")}
            obj.__dict__.update(services.create_user(password=given["new_password"], **profile).__dict__)
            return
        user = User.objects.get(pk=obj.pk)
        if profile := {field: given[field] for field in ("name", "img", "language") if field in form.changed_data}:
            services.change_profile(user=user, may_be_reserved=True, **profile)
        if "is_staff" in given:
            services.set_rights(
                user=user, by=_staff(request), is_staff=given["is_staff"], is_superuser=given["is_superuser"]
            )
        if given.get("new_password"):
            services.set_password(user=user, new=given["new_password"])

    @admin.display(description=_("state"))
    def state(self, user: User) -> str:
        if not user.is_active:
            until = user.banned_until
            return _("shut out until %s") % _moment(until) if until else str(_("deactivated"))
        if user.is_silenced:
            return _("may not write until %s") % _moment(user.silenced_until)
        return str(_("active"))

    @admin.display(description=_("says beside the name"))
    def says(self, user: User) -> str:
        status = user.status
        return f"{status.emoji} {status.text}".strip() if status else "–"

    @admin.display(description=_("elsewhere"))
    def elsewhere(self, user: User) -> str:
        places = (
            ("groups_membership", {"user__id__exact": user.pk}, _("chats")),
            ("messaging_message", {"sender__id__exact": user.pk}, _("messages")),
            ("messaging_upload", {"owner__id__exact": user.pk}, _("files")),
            ("accounts_device", {"user__id__exact": user.pk}, _("devices")),
        )
        return format_html_join(
            " · ",
            '<a href="{}?{}">{}</a>',
            ((reverse(f"admin:{name}_changelist"), urlencode(query), text) for name, query, text in places),
        )

    # Actions ----------------------------------------------------------------------------------------------------------

    @admin.action(description=_("Deactivate the selected people"), permissions=["change"])
    def deactivate(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        question = _("Deactivate these people? They are signed out everywhere and cannot sign in.")
        by = _staff(request)
        return ask_and_act(
            self, request, people, question, lambda user: services.deactivate(user=user, by=by), _("Deactivated.")
        )

    @admin.action(description=_("Activate the selected people"), permissions=["change"])
    def activate(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        question, by = _("Let these people sign in again?"), _staff(request)
        return ask_and_act(
            self, request, people, question, lambda user: services.activate(user=user, by=by), _("Activated.")
        )

    def _ban(self, request: HttpRequest, people: QuerySet[User], days: int) -> HttpResponse | None:
        until = times.now() + timedelta(days=days)
        question = _("Shut these people out until %s? They are signed out everywhere.") % _moment(until)
        by, done = _staff(request), _("Shut out until %s.") % _moment(until)
        return ask_and_act(
            self, request, people, question, lambda user: services.deactivate(user=user, by=by, until=until), done
        )

    @admin.action(description=_("Shut out for a day"), permissions=["change"])
    def ban_day(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        return self._ban(request, people, 1)

    @admin.action(description=_("Shut out for a week"), permissions=["change"])
    def ban_week(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        return self._ban(request, people, 7)

    def _silence(self, request: HttpRequest, people: QuerySet[User], hours: int) -> HttpResponse | None:
        until = times.now() + timedelta(hours=hours)
        question = _("Keep these people from writing until %s? They go on reading.") % _moment(until)
        by, done = _staff(request), _("May not write until %s.") % _moment(until)
        return ask_and_act(
            self, request, people, question, lambda user: services.silence(user=user, by=by, until=until), done
        )

    @admin.action(description=_("Keep from writing for an hour"), permissions=["change"])
    def silence_hour(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        return self._silence(request, people, 1)

    @admin.action(description=_("Keep from writing for a day"), permissions=["change"])
    def silence_day(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        return self._silence(request, people, 24)

    @admin.action(description=_("Let write again"), permissions=["change"])
    def unsilence(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        question, by = _("Let these people write again?"), _staff(request)
        return ask_and_act(
            self,
            request,
            people,
            question,
            lambda user: services.silence(user=user, by=by, until=None),
            _("May write again."),
        )

    @admin.action(description=_("Take away what they say beside their names"), permissions=["change"])
    def take_status(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        question, by = _("Take away what these people say beside their names?"), _staff(request)
        return ask_and_act(
            self,
            request,
            people,
            question,
            lambda user: services.take_status(user=user, by=by),
            _("Took away what they said beside their name."),
        )

    @admin.action(description=_("Take away their pictures"), permissions=["change"])
    def take_picture(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        question, by = _("Take away the pictures of these people?"), _staff(request)
        return ask_and_act(
            self,
            request,
            people,
            question,
            lambda user: services.take_picture(user=user, by=by),
            _("Took away their picture."),
        )

    @admin.action(description=_("Make a link for a new password"), permissions=["passwords"])
    def new_link(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        question = _("Make a link with which each of these people sets a new password? Everyone who has it, can.")
        if page := ask(self, request, people, question):
            return page
        for user in people:
            if not rules.may_edit(_staff(request), user):
                self.message_user(request, f"{user}: {errors.Forbidden.title}", messages.ERROR)
                continue
            address = request.build_absolute_uri(reverse("new-password", args=services.password_link(user)))
            text = _("For %(name)s, once, within a day: %(link)s") % {"name": user.name, "link": address}
            self.log_change(request, user, str(_("Made a link for a new password.")))
            self.message_user(request, text, messages.SUCCESS)
        return None


def _moment(at: datetime | None) -> str:
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT") if at else ""


@admin.register(Installation)
class InstallationAdmin(admin.ModelAdmin):
    """The one row: its page, without a list."""

    fields = ("name",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:accounts_installation_change", Installation.ONLY)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return redirect("admin:index")

    def save_model(self, request: HttpRequest, obj: Installation, form: Any, change: bool) -> None:
        services.name_installation(obj.name)


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    list_display = ("person", "kind", "name", "created_at", "last_seen_at", "expires_at")
    list_display_links = None
    list_filter = ("kind", "last_seen_at")
    linked_by = ("user",)
    list_select_related = ("user",)
    search_fields = ("user__name", "user__name_key", "name")
    search_help_text = _("Part of a person's or a device's name")
    ordering = ("-last_seen_at",)
    actions = ("sign_out",)

    @admin.display(description=_("person"))
    def person(self, device: Device) -> str:
        return link(device.user)

    @admin.action(description=_("Sign the selected devices out"), permissions=["sign_out"])
    def sign_out(self, request: HttpRequest, devices: QuerySet[Device]) -> HttpResponse | None:
        devices = devices.select_related("user")
        question, by = _("Sign these devices out?"), _staff(request)
        return ask_and_act(
            self, request, devices, question, lambda device: services.end_device(device=device, by=by), _("Signed out.")
        )

    def has_sign_out_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.delete_device")


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@admin.register(LogEntry)
class LogAdmin(ReadOnlyAdmin):
    """What staff did. Nobody changes it."""

    list_display = ("action_time", "who", "what", "kind", "said")
    list_display_links = None
    list_filter = ("action_time", "content_type")
    list_select_related = ("user", "content_type")
    search_fields = ("user__name", "object_repr", "change_message")
    search_help_text = _("A name, or what was done")
    ordering = ("-action_time", "-pk")

    @admin.display(description=_("by"))
    def who(self, entry: LogEntry) -> str:
        return link(entry.user)

    @admin.display(description=_("what"))
    def what(self, entry: LogEntry) -> str:
        address = entry.get_admin_url()
        return format_html('<a href="{}">{}</a>', address, entry.object_repr) if address else entry.object_repr

    @admin.display(description=_("kind"))
    def kind(self, entry: LogEntry) -> str:
        return str(entry.content_type.name) if entry.content_type else ""

    @admin.display(description=_("done"))
    def said(self, entry: LogEntry) -> str:
        return entry.get_change_message()
