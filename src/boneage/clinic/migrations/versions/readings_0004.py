"""What a reviewer decided before a reading left: the verdict, a corrected side, the reason of a rejection."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = (("verdict", 8), ("reviewer_laterality", 1), ("verdict_reason", 200))


def upgrade() -> None:
    """Add the columns."""
    for name, length in COLUMNS:
        op.add_column("readings", sql.Column(name, sql.String(length)))


def downgrade() -> None:
    """Take them away: who decided what is lost."""
    with op.batch_alter_table("readings") as table:
        for name, _ in COLUMNS:
            table.drop_column(name)
