"""The first page: who has access to us, what waits for an answer, and the one press that stops everybody."""

from litestar import get
from msgspec import Struct

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.domain.access import links, watching
from guildhall.domain.access.links import Link, Offer
from guildhall.domain.access.watching import LastAct, PartnerPerson
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page

SHOWN = ("requested", "countered", "scheduled", "active", "expiring", "paused")
_MOST = 50


class Card(Struct, frozen=True, kw_only=True):
    """One partner as the first page shows it."""

    link: Link
    people: list[PartnerPerson]
    last: LastAct | None
    offer: Offer | None

    @property
    def waits(self) -> bool:
        """Return whether the customer has to answer something here."""
        return self.link.status == "requested" or (self.offer is not None and self.offer.kind == "change")


@get("/", **needs("customer.links.read"))
async def home(request: Web, actor: Who) -> Page:
    """Return who has access, what waits first."""
    cards, total = await _cards(actor)
    standing = [card for card in cards if card.link.status not in {"requested", "countered"}]
    return await page(
        request,
        "home/home.html",
        waiting=[card for card in cards if card.waits],
        countered=[card for card in cards if card.link.status == "countered"],
        standing=standing,
        live=sum(card.link.shown_status in {"active", "expiring"} for card in standing),
        more=total > len(cards),
        actor=actor,
    )


async def _cards(actor: Actor) -> tuple[list[Card], int]:
    """Return the tenant's open and standing links with what is known around each."""
    wanted = links.Filter(statuses=SHOWN, sort_by="partner_name", sort_order="asc", limit=_MOST)
    async with db.transaction(actor) as connection:
        found, total = await links.listed(connection, actor, wanted)
        people = await watching.people(connection)
        acts = await watching.last_acts(connection, actor, (link.partner_id for link in found))
        offers = await watching.open_offers(connection, (link.id for link in found))
    cards = [
        Card(link=link, people=people.get(link.id, []), last=acts.get(link.partner_id), offer=offers.get(link.id))
        for link in found
    ]
    return cards, total


ROUTES = [home]
