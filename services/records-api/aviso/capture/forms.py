"""The form on the admin site that says what is to be told of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminRadioSelect, AdminTextInputWidget

from aviso.capture.candidates import Column
from aviso.capture.limited_statements import TableError
from aviso.capture.tables import Wish

_MOST_FEEDS = _MOST_RATE = 1_000_000


class ColumnChoice(forms.CheckboxSelectMultiple):
    """Checkboxes, of which those of the key are ticked and can't be changed."""

    fixed: Sequence[str] = ()

    def create_option(
        self, name: str, value: Any, *arguments: Any, **options: Any
    ) -> dict[str, Any]:
        option = super().create_option(name, value, *arguments, **options)
        if str(value) in self.fixed:
            option["selected"] = True
            option["attrs"] |= {"checked": True, "disabled": True}
        return option


class TrackForm(forms.Form):
    """Refuses what the database refuses too, where it is asked: see `refuse`."""

    columns = forms.MultipleChoiceField(
        required=False,
        widget=ColumnChoice,
        help_text="What is not ticked never leaves the database.",
    )
    feed = forms.CharField(
        max_length=200,
        widget=AdminTextInputWidget(
            attrs={"autocapitalize": "none", "spellcheck": "false"}
        ),
        help_text="a-z, 0-9 and the hyphen. With a column in it, as in"
        " orders-{tenant_id}, each of its values has a feed.",
    )
    where = forms.CharField(
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60, "spellcheck": "false"}),
        help_text="A condition over the row, in SQL: status &lt;&gt; 'draft'. What does"
        " not match is never sent. Empty: all rows.",
    )
    visibility = forms.ChoiceField(
        choices=[
            ("private", "Private: for readers who were let in"),
            ("public", "Public: for everybody"),
        ],
        initial="private",
        widget=AdminRadioSelect(attrs={"class": "radiolist"}),
    )
    on_truncate = forms.ChoiceField(
        choices=[
            ("reset", "Empty the feed on every page"),
            ("refuse", "Let the TRUNCATE fail"),
        ],
        label="On TRUNCATE",
        initial="reset",
        widget=AdminRadioSelect(attrs={"class": "radiolist"}),
    )
    max_feeds = forms.IntegerField(
        label="Most feeds",
        min_value=1,
        max_value=_MOST_FEEDS,
        initial=1_000,
        help_text="Where the name has a column in it. Rows beyond are counted, and not"
        " told.",
    )

    def __init__(
        self, *arguments: Any, table: str, columns: Sequence[Column], **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.table = table
        self._key = [column.name for column in columns if column.is_key]
        choice: Any = self.fields["columns"]
        choice.choices = [
            (c.name, f"{c.name} ({c.type}{', key' if c.is_key else ''})")
            for c in columns
        ]
        choice.widget.fixed = self._key

    def clean_columns(self) -> list[str]:
        """Return them in the table's order, those of the key among them."""
        chosen = {*self.cleaned_data["columns"], *self._key}
        choice: Any = self.fields["columns"]
        return [name for name, _ in choice.choices if name in chosen]

    def read_wish(self) -> Wish:
        """Return what a valid form says."""
        said = self.cleaned_data
        return Wish(
            table=self.table,
            feed=said["feed"],
            columns=said["columns"],
            where=said["where"] or None,
            visibility=said["visibility"],
            on_truncate=said["on_truncate"],
            max_feeds=said["max_feeds"],
        )

    def refuse(self, error: TableError) -> None:
        """Show what the database refused, where it can be mended."""
        at = error.argument if error.argument in self.fields else None
        self.add_error(at, f"{error}.")


class BackfillForm(forms.Form):
    rate = forms.IntegerField(
        label="Rows a second",
        required=False,
        min_value=1,
        max_value=_MOST_RATE,
        help_text="The most that the relay looks at. Empty: as many as may be.",
    )
