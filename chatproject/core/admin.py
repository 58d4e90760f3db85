"""What admin pages share: read-only rows, and actions that ask for confirmation and are logged."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin, ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from chatproject.core.errors import ChatError, Text

#: How Django's own filters compare; none of them looks at a part of a text.
_COMPARISONS = ("exact", "gte", "lt", "isnull", "isempty")

#: Django's own words, which its catalogues have.
_CHECKBOX = "Select this object for an action - {}"

#: Names that the confirmation page shows.
NAMES_MAX = 50


#: Rows that a list counts at most, and so reaches by its pages; filters reach the others.
COUNTED_MAX = 2000


class BoundedPaginator(Paginator):
    """Asks once for the ids of at most COUNTED_MAX rows, which it counts and divides into pages: counting all messages
    of a large chat takes seconds, and a search that looks twice, or once more for a late page, takes twice as long.
    """

    @cached_property
    def ids(self) -> list[Any]:
        rows: Any = self.object_list
        return list(rows.values_list("pk", flat=True)[:COUNTED_MAX])

    @cached_property
    def count(self) -> int:
        return len(self.ids)

    def ids_of_page(self, number: int) -> list[Any]:
        first = (number - 1) * self.per_page
        return self.ids[first : first + self.per_page]

    def page(self, number: Any) -> Page[Any]:
        rows: Any = self.object_list
        number = self.validate_number(number)
        return Page(rows.filter(pk__in=self.ids_of_page(number)), number, self)


class PreparingChangeList(ChangeList):
    """A list whose admin loads what the rows of one page need, all at once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What brings a row's page back to this list stands in `url_for_result`: Django would resolve each address.
        self._way_back = f"?{self.preserved_filters}" if self.preserved_filters else ""
        self.preserved_filters = ""

    def url_for_result(self, result: Any) -> str:
        return page_of(result, self.opts) + self._way_back

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        assert isinstance(self.model_admin, ReadOnlyAdmin)
        self.result_list = self._rows()
        self.model_admin.prepare(request, self.result_list)

    def get_ordering_field(self, field_name: Any) -> Any:
        sortable = self.model_admin.sortable_by
        return super().get_ordering_field(field_name) if sortable is None or field_name in sortable else None

    def _rows(self) -> list[Any]:
        """The rows of the page, by their ids alone: the filters have chosen these, and are not asked again."""
        ids = self.paginator.ids
        if self.multi_page and not (self.show_all and self.can_show_all):
            ids = self.paginator.ids_of_page(self.page_num)
        rows = self.apply_select_related(self.root_queryset.filter(pk__in=ids)).order_by()
        found = {row.pk: row for row in rows}
        return [found[one] for one in ids if one in found]


class OfferedFilters(ModelAdmin):
    """A list that is filtered by what it offers, and by nothing else.

    Django filters by every field of a row: what a list does not show, such as the hash of a password or the code of an
    invitation, would be guessed letter by letter in its address.
    """

    #: Relations by whose id links from other pages filter.
    linked_by: Sequence[str] = ()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        offered = {self._parameter(one) for one in self.list_filter}
        name, _, how = lookup.rpartition("__")
        is_of_relation = how == "exact" and name.removesuffix("__id") in {*offered, *self.linked_by}
        return lookup in offered or (name in offered and how in _COMPARISONS) or is_of_relation

    @staticmethod
    def _parameter(one: Any) -> str:
        """The parameter of a filter in `list_filter`, without its comparison."""
        one = one[0] if isinstance(one, tuple) else one
        return str(one if isinstance(one, str) else one.parameter_name)


class ReadOnlyAdmin(OfferedFilters):
    """Rows that are only read. Changes are actions, which call services.

    A row's page shows `fields`, which are those of the list where there are none.
    """

    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # they count everything
    paginator = BoundedPaginator
    list_per_page = 25

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or self.list_display

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PreparingChangeList

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Load what these rows are shown with."""

    def action_checkbox(self, obj: Any) -> SafeString:
        """As Django's, which renders a template for each row."""
        label = format_html(gettext(_CHECKBOX), str(obj))
        box = '<input type="checkbox" name="{}" value="{}" aria-label="{}" class="action-select">'
        return format_html(box, ACTION_CHECKBOX_NAME, obj.pk, label)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.prepare(request, [found])
        return found

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@cache
def _around_id(app_label: str, model_name: str) -> tuple[str, str]:
    """What stands before and after the id in the address of a row's page: a page of rows asks for hundreds."""
    before, _, after = reverse(f"admin:{app_label}_{model_name}_change", args=["id"]).rpartition("id")
    return before, after


def page_of(one: Any, options: Any) -> str:
    """The address of a row's page."""
    before, after = _around_id(options.app_label, options.model_name)
    return f"{before}{quote(one.pk)}{after}"


def link(one: Any, text: Text = "", *, as_: Any = None) -> str:
    """A link to the page of a row; `as_`: of another model's row with the same id."""
    if one is None:
        return "–"
    return format_html('<a href="{}">{}</a>', page_of(one, (as_ or one)._meta), text or one)


def ask(
    model_admin: ModelAdmin,
    request: HttpRequest,
    chosen: QuerySet[Any],
    question: Text,
    *,
    show: Callable[[Any], str] = str,
) -> TemplateResponse | None:
    """The confirmation page, for an action to return; None once the user has confirmed."""
    if "confirmed" in request.POST:
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "title": question,
        "opts": model_admin.opts,
        "chosen": [show(one) for one in chosen[:NAMES_MAX]],
        "more": max(0, chosen.count() - NAMES_MAX),
        "action": request.POST["action"],
        "select_across": request.POST.get("select_across", "0"),
        "checkbox": ACTION_CHECKBOX_NAME,
        "ids": request.POST.getlist(ACTION_CHECKBOX_NAME),
    }
    return TemplateResponse(request, "admin/confirm.html", context)


def ask_and_act(
    model_admin: ModelAdmin,
    request: HttpRequest,
    rows: QuerySet[Any],
    question: Text,
    act: Callable[[Any], object],
    done: Text,
    *,
    show: Callable[[Any], str] = str,
) -> TemplateResponse | None:
    """Ask first, then call `act` on each row, log it in the admin's history, and show what was refused."""
    if page := ask(model_admin, request, rows, question, show=show):
        return page
    for row in rows:
        try:
            act(row)
        except ChatError as refused:
            model_admin.message_user(request, f"{row}: {refused.detail}", messages.ERROR)
        else:
            model_admin.log_change(request, row, str(done))
            model_admin.message_user(request, f"{row}: {done}", messages.SUCCESS)
    return None
