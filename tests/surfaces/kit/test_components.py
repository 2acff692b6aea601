"""Components escape what they are given, translate, keep what was typed, and miss no name."""

import msgspec
import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import Speech
from guildhall.surfaces.kit.render import render
from guildhall.surfaces.kit.tables import Column, Filter, Option, Pages, Sorting, label_cells, query_link, sorting_of

EVIL = "\"><script>alert(1)</script>'"
SAFE = "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;"


@pytest.mark.parametrize(
    "piece",
    [
        "ui.button(x)",
        "ui.button('a', href=x)",
        "ui.button('a', name='n', value=x)",
        "ui.button('a', attrs={'data-a': x})",
        "ui.button(_(x), icon='plus')",
        "ui.icon_button(x, 'copy')",
        "ui.post_button('a', x)",
        "ui.post_button('a', '/', fields={'id': x})",
        "ui.menu_link(x, '/')",
        "ui.menu_post('a', '/', fields={x: '1'})",
        "ui.link(x, '/')",
        "ui.tag(x)",
        "ui.icon('x', label=x)",
        "ui.header(x, x, crumbs=[(x, x)])",
        "ui.tabs([(x, x, true, none)], x)",
        "ui.notice(x, title=x)",
        "ui.empty(x, x)",
        "ui.facts([(x, x)])",
        "ui.stat(x, x, href=x, note=x)",
        "ui.meter(x, 1, 2, text=x)",
        "ui.event(x, none, who=x)",
        "ui.changes([(x, x, x)])",
        "ui.comment(x, none, x, organisation=x)",
        "ui.matrix(x, [x], [(x, true)])",
        "ui.text(form, 'name', x, hint=x, suffix=x)",
        "ui.textarea(form, 'name', x)",
        "ui.select(form, 'name', x, [Option(x, x)])",
        "ui.checkboxes(form, 'name', x, [Option(x, x, x)])",
        "ui.radio_cards(form, 'name', x, [Option(x, x, x)])",
        "ui.checkbox(form, 'name', x, value=x)",
        "ui.copy_field('a', x, x)",
        "ui.form_errors(form)",
        "ui.confirm('a', x, x, x, x)",
        "ui.chart('a', x, Chart(kind='bars', labels=[x], series=[Series(x, [1])], summary=x))",
        "_('Actions for %(name)s', name=x)",
        "ngettext('%(num)s of %(x)s', '%(num)s of %(x)s', 2, x=x)",
    ],
)
@pytest.mark.parametrize("language", ["en", "es"])
def test_what_a_component_is_given_cannot_leave_its_place(show, piece, language):
    form = Form({"name": EVIL}, {"name": EVIL, "": EVIL})
    page = show(f"{{{{ {piece} }}}}", language, x=EVIL, form=form)
    assert "<script>alert" not in page
    assert SAFE in page or "\\u003cscript" in page


def test_values_in_a_translated_block_are_escaped_and_its_own_markup_stands(show):
    assert show("{% trans who=x %}<b>{{ who }}</b> & 5 %{% endtrans %}", x=EVIL) == f"<b>{SAFE}</b> & 5 %"


def test_markup_handed_in_is_not_escaped_again(show):
    assert ">a &amp; b</button>" in show("{{ ui.button(x) }}", x=Markup("a &amp; b"))


def test_an_attribute_name_that_could_end_the_attribute_is_refused(show):
    with pytest.raises(ValueError, match="onclick="):
        show("{{ ui.button('a', attrs={'a onclick=': 'x'}) }}")


@pytest.mark.parametrize(
    "piece", ["{{ nothing }}", "{{ ui.nothing() }}", "{{ ui.button(nothing) }}", "{{ row.nothing }}"]
)
def test_a_missing_name_is_an_error(show, piece):
    with pytest.raises(UndefinedError):
        show(piece, row=Option("a", "b"))


def test_a_missing_value_of_a_sentence_is_an_error(show):
    with pytest.raises(KeyError):
        show("{{ _('Actions for %(name)s') }}")


def test_words_follow_the_readers_language_and_percent_signs_stay_single(show):
    assert show('{{ _("Save") }} {% trans %}Cancel{% endtrans %} {{ _("4 %%") }}', "es") == "Guardar Cancelar 4 %"
    assert show('{{ ngettext("%(num)s entry", "%(num)s entries", 2) }}', "es") == "2 entradas"


def test_a_constant_amount_follows_each_reader_of_the_same_template(environment, shell):
    kit, folder = environment
    (folder / "amount.html").write_text('{{ 1290|money("EUR") }}')
    spanish = msgspec.structs.replace(shell, speech=Speech("es"))
    assert render(kit, "amount.html", shell) == "€1,290.00"
    assert render(kit, "amount.html", spanish) == "1.290,00\N{NO-BREAK SPACE}€"


def test_every_form_carries_the_token_escaped(show):
    hidden = '<input type="hidden" name="_csrf" value="a&lt;b">'
    pieces = ("{{ ui.csrf() }}", "{{ ui.post_button('a', '/') }}", "{% call ui.form('/') %}{% endcall %}")
    assert all(hidden in show(piece) for piece in pieces)


def test_a_disabled_link_leads_nowhere(show):
    page = show("{{ ui.button('a', href='/x', disabled=true) }}")
    assert "/x" not in page
    assert 'aria-disabled="true"' in page


def test_a_form_keeps_what_was_typed_and_says_what_was_wrong_beside_the_field(show):
    form = Form({"name": "Ana", "areas": ["b"], "plan": "core"}, {"name": "Too short"})
    page = show(
        "{{ ui.text(form, 'name', 'Name', hint='Full') }}"
        "{{ ui.checkboxes(form, 'areas', 'Areas', [Option('a', 'A'), Option('b', 'B')], values=['a']) }}"
        "{{ ui.select(form, 'plan', 'Plan', [Option('core', 'Core'), Option('max', 'Max')]) }}",
        form=form,
    )
    assert 'value="Ana"' in page
    assert 'id="f-name" name="name" required aria-describedby="f-name-hint f-name-error" aria-invalid="true">' in page
    assert 'value="b" checked' in page
    assert 'value="a" checked' not in page
    assert '<option value="core" selected>' in page


def test_passwords_are_never_sent_back(show):
    assert "secret" not in show("{{ ui.text(form, 'p', 'P', type='password') }}", form=Form({"p": "secret"}))


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({"state": "active"}, "/customers?q=acme&state=active"),
        ({"state": None}, "/customers?q=acme"),
        ({"page": 4}, "/customers?q=acme&state=paused&page=4"),
        ({"sort": "-name"}, "/customers?q=acme&state=paused&sort=-name"),
        ({"q": "a&b=c", "state": ""}, "/customers?q=a%26b%3Dc"),
        ({}, "/customers?q=acme&state=paused"),
    ],
)
def test_links_keep_the_rest_of_the_address_and_start_at_page_one_when_the_list_changes(shell, changes, address):
    assert query_link(shell.path, shell.query, changes) == address


def test_links_to_here_and_query_values_come_from_the_pages_own_address(show):
    assert show("{{ link_here(state=none) }} {{ query_value('q') }}{{ query_value('x') }}") == "/customers?q=acme acme"


@pytest.mark.parametrize(
    ("text", "key", "descending"),
    [
        ("name", "name", False),
        ("-mrr", "mrr", True),
        ("secret", "ends", True),
        (None, "ends", True),
        ("-", "ends", True),
    ],
)
def test_only_known_columns_sort(text, key, descending):
    assert sorting_of(text, ("name", "mrr"), Sorting("ends", descending=True)) == Sorting(key, descending)


def test_a_sorted_column_says_so_and_offers_the_other_way(show):
    head = show(
        "{% call ui.table([Column('Name', key='name'), Column('MRR', key='mrr')], 'List', sorting=s) %}{% endcall %}",
        s=Sorting("name"),
    )
    assert head.count("aria-sort") == head.count('aria-sort="ascending"') == 1
    assert '<a href="/customers?q=acme&amp;state=paused&amp;sort=-name">' in head
    assert "sort=mrr" in head


def test_cells_are_told_their_columns_label_and_others_are_left_alone():
    columns = [Column("Name"), Column('A "b"')]
    body = '<tr class="x"><th scope="row">1</th><td>2</td><td>3</td></tr><tr><td>4</td></tr><track>'
    assert label_cells(body, columns) == (
        '<tr class="x"><th data-label="Name" scope="row">1</th><td data-label="A &#34;b&#34;">2</td><td>3</td></tr>'
        '<tr><td data-label="Name">4</td></tr><track>'
    )


def test_filters_in_force_are_selected_and_can_be_taken_away(show):
    filters = [Filter("state", "State", [Option("paused", "Paused"), Option("active", "Active")])]
    bar = show("{{ ui.filter_bar('/customers', filters, search='Name') }}", filters=filters)
    chips = show("{{ ui.filter_chips(filters, search=true) }}", filters=filters)
    assert '<option value="paused" selected>' in bar
    assert 'value="acme"' in bar
    assert 'href="/customers?q=acme"' in chips
    assert 'href="/customers?state=paused"' in chips


@pytest.mark.parametrize(
    ("pages", "text", "previous", "following"),
    [
        (Pages(shown=50, page=2, total=120), "51\N{EN DASH}100 of 120", '?q=acme&amp;state=paused"', "page=3"),
        (Pages(shown=20, page=3, total=120), "101\N{EN DASH}120 of 120", "page=2", None),
        (Pages(shown=50, next="c2"), "50 entries on this page", None, "cursor=c2"),
        (Pages(shown=1, previous="c0", total=51), "51 entries", "cursor=c0", None),
        (Pages(shown=0, page=1, total=0), "0\N{EN DASH}0 of 0", None, None),
        (Pages(shown=6), "6 entries", None, None),
    ],
)
def test_pages_say_where_the_list_stands_and_lead_on_only_where_there_is_more(show, pages, text, previous, following):
    page = show("{{ ui.pagination(pages) }}", pages=pages)
    assert text in page
    assert all(step in page for step in (previous, following) if step)
    alone = previous is following is None
    assert page.count('aria-disabled="true"') == (0 if alone else [previous, following].count(None))
    assert ("btn-group" in page) is not alone
