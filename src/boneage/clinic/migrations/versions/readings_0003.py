"""Which of two hands in a picture was read: each has a row of its own."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("readings", sql.Column("part", sql.String(8)))


def downgrade() -> None:
    """Take it away: the readings of two hands in a picture then look like two of the same film."""
    with op.batch_alter_table("readings") as table:
        table.drop_column("part")
