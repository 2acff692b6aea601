"""Nothing that a person reads stays in one language unnoticed."""

import pytest
from babel.messages.pofile import read_po

import translations
from guildhall.core.errors import Choices, Invalid
from guildhall.surfaces.html import form
from guildhall.surfaces.kit.i18n import Speech, speaking

ERRORS = """
class Refusal(Exception):
    title = "Not allowed"
class Conflict(Refusal):
    code, status, title = "CONFLICT", 409, "This is no longer possible"
class Stale(Conflict):
    title = "Too late"
class Other:
    title = "Not for people"
"""


@pytest.fixture
def source(tmp_path):
    """Build a house of a few refusals and an empty Spanish catalogue; the callable writes further files into it."""

    def write(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return tmp_path

    write("locale/es/LC_MESSAGES/messages.po", "")
    write("core/errors.py", ERRORS)
    return write


def asked(root):
    return translations.collect(root).messages - {"Not allowed", "This is no longer possible", "Too late"}


def catalogue(root):
    return root / "locale/es/LC_MESSAGES/messages.po"


def translated(root, words):
    """Write the catalogue with `words` (message → translation) and the titles of the refusals."""
    titles = dict.fromkeys(("Not allowed", "This is no longer possible", "Too late"), "x")
    entries = [f'msgid "{message}"\nmsgstr "{its}"\n' for message, its in (words | titles).items()]
    catalogue(root).write_text("\n".join(['msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n', *entries]))


def test_marked_strings_of_python_and_templates_are_asked_for(source):
    source(
        "surfaces/words.py", 'A = N_("One")\nB = gettext("Two %(x)s", x=1)\nC = ngettext("a day", "%(num)s days", 2)'
    )
    root = source(
        "surfaces/console/templates/a.html",
        '{% trans %}Three{% endtrans %}{{ _("Four") }}{{ ngettext("an hour", "%(num)s hours", 1) }}',
    )
    assert asked(root) == {
        "One",
        "Two %(x)s",
        ("a day", "%(num)s days"),
        "Three",
        "Four",
        ("an hour", "%(num)s hours"),
    }


@pytest.mark.parametrize(
    ("code", "sentences"),
    [
        ('raise Conflict("Too slow")', {"Too slow"}),
        ('raise errors.Stale("Too " "old")', {"Too old"}),
        ('raise Stale(detail="Seen")', {"Seen"}),
        ('raise Conflict(errors={"name": "Write a name", "mail": SAID})', {"Write a name", "Nobody knows it"}),
        ("raise Conflict(SAID)", {"Nobody knows it"}),
        ('raise Conflict("One" if new else "Other")', {"One", "Other"}),
        ('raise Conflict(f"Use {LEAST} to {MOST} letters")', {"Use 12 to 20 letters"}),
        ('raise Conflict(next((said for key, said in RULES.items() if key in x), "A rule"))', {"A rule", "End first"}),
        ('raise Conflict(RULES.get(key, "A rule"))', {"A rule", "End first"}),
        ('wrong = {}\n    wrong["a"] = "Bad a"\n    raise Conflict(errors=wrong)', {"Bad a"}),
        ("raise Conflict(errors=found(x))", {"Missing", "Bad date"}),
        ('raise Conflict(code="TICKET_NOT_FOUND")', set()),
        ('raise Other("Not for people")', set()),
    ],
)
def test_the_sentences_of_refusals_are_asked_for(source, code, sentences):
    constants = 'SAID = "Nobody knows it"\nLEAST, MOST = 12, 20\nRULES = {"ck_end": "End first"}\n'
    helper = 'def found(x):\n    errors = {"a": "Missing"}\n    return errors | {k: "Bad date" for k in x}\n'
    root = source("domain/deals.py", f"{constants}{helper}async def act(x):\n    {code}\n")
    assert asked(root) == sentences


@pytest.mark.parametrize(
    "code", ['Conflict(f"Link {x} is gone")', 'Conflict("One of " + ", ".join(x))', 'gettext(f"{x} a")']
)
def test_sentences_put_together_at_run_time_are_warned_of(source, code):
    found = translations.collect(source("domain/deals.py", f"def act(x):\n    raise {code}\n"))
    assert len(found.warnings) == 1
    assert "deals.py:2: put together at run time" in found.warnings[0]


def test_titles_of_refusals_are_asked_for_and_those_of_other_classes_are_not(source):
    assert translations.collect(source("domain/x.py", "")).messages == {
        "Not allowed",
        "This is no longer possible",
        "Too late",
    }


def test_a_complete_catalogue_passes(source, capsys):
    translated(source("surfaces/words.py", 'N_("One")'), {"One": "Uno"})
    assert translations.main(["--check"], source("domain/x.py", "")) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({}, "not in the catalogue: 'Seen by %(who)s'"),
        ({"Seen by %(who)s": ""}, "without a translation: 'Seen by %(who)s'"),
        ({"Seen by %(who)s": "Visto por %(quien)s"}, "placeholders differ: 'Seen by %(who)s'"),
        ({"Seen by %(who)s": "Visto por %(who)s al 100 %"}, "placeholders differ: 'Seen by %(who)s'"),
        ({"Seen by %(who)s": "Visto por %(who)s", "Gone": "Ido"}, "obsolete: 'Gone'"),
    ],
)
def test_each_fault_of_a_catalogue_is_named(source, capsys, words, complaint):
    root = source("surfaces/words.py", 'gettext("Seen by %(who)s", who=1)')
    translated(root, words)
    assert translations.main(["--check"], root) == 1
    assert capsys.readouterr().err == f"es: {complaint}\n"


def test_fuzzy_and_commented_out_translations_are_named(source, capsys):
    root = source("surfaces/words.py", 'N_("One")')
    translated(root, {"One": "Uno"})
    text = catalogue(root).read_text().replace('msgid "One"', '#, fuzzy\nmsgid "One"')
    catalogue(root).write_text(f'{text}\n#~ msgid "Old"\n#~ msgstr "Viejo"\n')
    assert translations.main(["--check"], root) == 1
    assert capsys.readouterr().err == "es: obsolete: 'Old'\nes: fuzzy: 'One'\n"


def test_plural_forms_may_leave_the_number_out_of_the_first_only(source):
    root = source("surfaces/words.py", 'ngettext("One day", "%(num)s days", 2)')
    for first, second, wrong in [("Un día", "%(num)s días", []), ("%(num)s día", "Días", ["'One day'"])]:
        entry = f'msgid "One day"\nmsgid_plural "%(num)s days"\nmsgstr[0] "{first}"\nmsgstr[1] "{second}"\n'
        translated(root, {})
        catalogue(root).write_text(catalogue(root).read_text() + "\n" + entry)
        found = translations.problems(translations.read_catalogue(catalogue(root)), translations.collect(root).messages)
        assert [line.removeprefix("placeholders differ: ") for line in found] == wrong


@pytest.mark.parametrize(
    "markup",
    [
        "<p>Hello {{ name }}</p>",
        "<p>{% if late %}Too late{% endif %}</p>",
        '<button aria-label="Close"></button>',
        '<input placeholder="{{ x }} or domain">',
        '{{ ui.button("Save", kind="primary") }}',
        '{% set columns = [Column("Name", key="name")] %}',
        "{{ 'Yes' if x else _('No') }}",
    ],
)
def test_words_outside_a_translation_are_named_with_their_line(source, capsys, markup):
    root = source("surfaces/console/templates/a.html", f"{{# Comment #}}\n<div>\n{markup}\n</div>\n")
    translated(root, {})
    translations.main(["--check"], root)
    assert "surfaces/console/templates/a.html:3: not translated: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "markup",
    [
        "<p>{% trans %}Hello{% endtrans %} · {{ name }} 12</p>",
        '{{ ui.button(_("Save"), kind="primary", icon="plus") }}',
        '<a class="btn" data-x="Some"{% if on %} aria-current="page"{% endif %}{{ more|xmlattr }}>{{ x }}</a>',
        "<script>let some = words;</script><code>GET /partner</code>",
        '<span translate="no">Guildhall<br></span>',
        "{# A comment with words #}",
        '{% macro about(x) %} aria-describedby="some-{{ x }}"{% endmacro %}',
    ],
)
def test_what_needs_no_translation_is_left_alone(source, markup):
    assert translations.collect(source("surfaces/console/templates/a.html", markup)).unwrapped == []


def test_extracting_keeps_translations_adds_new_messages_and_drops_unused_ones(source):
    root = source("surfaces/words.py", 'N_("One"), N_("Two")')
    translated(root, {"One": "Uno", "Gone": "Ido"})
    assert translations.main(["--extract"], root) == 0
    with catalogue(root).open("rb") as file:
        entries = {entry.id: entry.string for entry in read_po(file) if entry.id}
    assert entries == {
        "Not allowed": "x",
        "One": "Uno",
        "This is no longer possible": "x",
        "Too late": "x",
        "Two": "",
    }
    assert list(entries) == sorted(entries)


def test_extracting_twice_changes_nothing(source):
    root = source("surfaces/words.py", 'N_("One"), ngettext("a", "%(num)s bs", 2)')
    translations.main(["--extract"], root)
    first = catalogue(root).read_bytes()
    translations.main(["--extract"], root)
    assert catalogue(root).read_bytes() == first
    assert b"words.py" not in first


def test_what_may_be_chosen_is_said_in_the_readers_language_and_in_codes_to_software():
    wrong = Choices("ticket", ("open", "closed"))
    assert wrong == "Choose among: open, closed"
    for language, said in (("en", "Choose among: Open, Closed"), ("es", "Elija entre: Abierto, Cerrado")):
        with speaking(Speech(language)):
            assert form({}, Invalid(errors={"status": wrong})).error("status") == said
