"""What is asked before an act on a link, in the dialog and on the page that stands in for it."""

from msgspec import Struct

from guildhall.surfaces.kit.i18n import N_

ASK, END = "partner.links.request", "partner.links.end"


class Question(Struct, frozen=True, kw_only=True):
    """What is asked before an act: title, what will follow, the word on the button, and whether a reason helps."""

    permission: str
    title: str
    text: str
    label: str
    kind: str = "danger-solid"
    reason: bool = False


QUESTIONS = {
    "withdraw": Question(
        permission=ASK,
        title=N_("Withdraw this request?"),
        text=N_("The customer no longer sees it. You can ask again at any time."),
        label=N_("Withdraw"),
    ),
    "accept": Question(
        permission=ASK,
        title=N_("Accept the counter-offer?"),
        text=N_("The link starts with exactly what the customer offers."),
        label=N_("Accept"),
        kind="primary",
    ),
    "withdraw-change": Question(
        permission=ASK,
        title=N_("Withdraw what you asked for?"),
        text=N_("The link stays as it is."),
        label=N_("Withdraw"),
    ),
    "pause": Question(
        permission=END,
        title=N_("Pause this link?"),
        text=N_("Nobody of you can open the customer until one of you resumes it. It ends on its day all the same."),
        label=N_("Pause"),
        reason=True,
    ),
    "resume": Question(
        permission=END,
        title=N_("Resume this link?"),
        text=N_("Everybody whose roles allow it can open the customer again."),
        label=N_("Resume"),
        kind="primary",
    ),
    "end": Question(
        permission=END,
        title=N_("End this link for good?"),
        text=N_("You lose access at once. Only a new request, approved by the customer, brings it back."),
        label=N_("End link"),
        reason=True,
    ),
}
