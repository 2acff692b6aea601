"""A person's own choice of how to hear of each topic."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, DbRole
from guildhall.core.errors import Invalid
from guildhall.domain.notify.delivery_tables import delivery_choice
from guildhall.domain.notify.sentences import SENTENCES
from guildhall.domain.notify.tables import notice
from guildhall.domain.notify.topics import TOPICS, Topic, Way, topic_of

AUDIENCES: Mapping[DbRole, str] = {DbRole.PARTNER: "partner", DbRole.CUSTOMER: "tenant", DbRole.STAFF: "staff"}


def offered(actor: Actor) -> list[Topic]:
    """Return the topics that concern this person."""
    return [topic for topic in TOPICS[AUDIENCES[actor.role]] if actor.may(topic.needs)]


async def own(connection: AsyncConnection, actor: Actor) -> dict[str, Way]:
    """Return how the person hears of each topic that concerns it, by the topic's name."""
    rows = await connection.execute(select(delivery_choice).where(delivery_choice.c.user_id == actor.user_id))
    chosen = {row.topic: Way(row.in_app, row.email, row.digest) for row in rows}
    return {topic.name: chosen.get(topic.name, topic.way) for topic in offered(actor)}


async def keep(actor: Actor, ways: Mapping[str, Way]) -> None:
    """Keep what the person chose; raises Invalid for a topic that is not on offer. It holds from the next news on."""
    if not ways or not ways.keys() <= {topic.name for topic in offered(actor)}:
        raise Invalid
    rows = [
        {"user_id": actor.user_id, "topic": name, "in_app": way.in_app, "email": way.email, "digest": way.digest}
        for name, way in ways.items()
    ]
    made = insert(delivery_choice).values(rows)
    fresh = {name: made.excluded[name] for name in Way.__struct_fields__}
    async with db.transaction(actor) as connection:
        await connection.execute(made.on_conflict_do_update(index_elements=["user_id", "topic"], set_=fresh))


def muted(person_id: ColumnElement[UUID]) -> Select[tuple[str]]:
    """Return the topics that the person does not want to see in the portal, as a query."""
    mine = delivery_choice.c.user_id == person_id
    return select(delivery_choice.c.topic).where(mine, delivery_choice.c.in_app.is_(False))


def topic_in_sql(audience: str) -> ColumnElement[str]:
    """Return the topic of a notice to `audience`, as an SQL expression."""
    kinds = {kind: topic_of(audience, kind).name for whom, kind in SENTENCES if whom == audience}
    return case(kinds, value=notice.c.kind, else_="other")
