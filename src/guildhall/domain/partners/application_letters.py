"""The letters of an application, in the applicant's language."""

from guildhall.core.i18n import N_
from guildhall.domain.mail.letters import Letter
from guildhall.domain.partners.application_form import Said

_STATUS = N_("Open your application")


def received(said: Said, *, language: str, token: str) -> Letter:
    """Return the letter that an application has arrived, with the signed link to its status."""
    return Letter(
        kind="application.received",
        to=said.email,
        name=said.contact_name,
        language=language,
        subject=N_("We have your application"),
        paragraphs=(
            N_("Your application for %(organisation)s has arrived. Somebody will read it within a working day."),
            N_("You need no account to follow it: the link below shows where it stands. Keep the link to yourself."),
            N_("If you did not apply, ignore this e-mail."),
        ),
        values={"organisation": said.legal_name},
        link=("partners", f"/application/{token}"),
        button=_STATUS,
    )


def asked(*, to: str, name: str, language: str, organisation: str, question: str, token: str) -> Letter:
    """Return the letter that asks the applicant for more; `question` is in the words of staff."""
    return Letter(
        kind="application.asked",
        to=to,
        name=name,
        language=language,
        subject=N_("We need something more for your application"),
        paragraphs=(
            N_("Before we can decide on the application of %(organisation)s, we need to know this:"),
            N_("%(question)s"),
            N_("Open the application, answer, correct what needs correcting and send it back. What you wrote is kept."),
        ),
        values={"organisation": organisation, "question": question},
        link=("partners", f"/application/{token}"),
        button=_STATUS,
    )


def declined(*, to: str, name: str, language: str, organisation: str, note: str, token: str) -> Letter:
    """Return the letter that an application was declined; `note` is in the words of staff."""
    return Letter(
        kind="application.declined",
        to=to,
        name=name,
        language=language,
        subject=N_("Your application was declined"),
        paragraphs=(
            N_("We have read the application of %(organisation)s and cannot take it further."),
            N_("%(note)s"),
            N_("Thank you for your interest. You may apply again when things have changed."),
        ),
        values={"organisation": organisation, "note": note},
        link=("partners", f"/application/{token}"),
        button=_STATUS,
    )


def welcome(*, to: str, name: str, language: str, organisation: str, token: str) -> Letter:
    """Return the letter to the first principal of a new partner, with the one-time link."""
    return Letter(
        kind="partner.welcome",
        to=to,
        name=name,
        language=language,
        subject=N_("Welcome to the partner programme"),
        paragraphs=(
            N_("%(organisation)s is a partner now, and you are its principal: you manage its team and its customers."),
            N_("Set your password with the link below. It works once, for 72 hours; after that, ask us for a new one."),
        ),
        values={"organisation": organisation},
        link=("partners", f"/welcome/{token}"),
        button=N_("Set your password"),
    )
