"""How people want to be told, and up to when the daily letter has told them (PRODUCT §8)."""

from sqlalchemy import Boolean, Column, Date, PrimaryKeyConstraint, Table, Text, Uuid

from guildhall.core.columns import moment
from guildhall.core.db import PORTAL

delivery_choice = Table(
    "delivery_choice",
    PORTAL,
    Column("user_id", Uuid, nullable=False),
    Column("topic", Text, nullable=False),
    Column("in_app", Boolean, nullable=False),
    Column("email", Boolean, nullable=False),
    Column("digest", Boolean, nullable=False),
    PrimaryKeyConstraint("user_id", "topic"),
    comment="How a person wants to hear of a topic; where nothing was chosen, the way of the topic holds",
)
digest = Table(
    "digest",
    PORTAL,
    Column("user_id", Uuid, primary_key=True),
    Column("day", Date, nullable=False, comment="The last day with a digest, in the zone of the person"),
    moment("until", nullable=False),
    comment="Up to which moment the daily letter of a person has told, with or without anything to tell",
)
