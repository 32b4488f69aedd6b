"""What became of a reading: by which later one it is superseded, or when and by whom it was withdrawn."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the index by film."""
    op.add_column("readings", sql.Column("superseded_by", sql.Integer))
    op.add_column("readings", sql.Column("withdrawn_at", sql.DateTime(timezone=True)))
    op.add_column("readings", sql.Column("withdrawn_by", sql.String(64)))
    op.create_index("readings_by_film", "readings", ["film_sha256"])


def downgrade() -> None:
    """Take them away: what was superseded or withdrawn counts again."""
    op.drop_index("readings_by_film", "readings")
    with op.batch_alter_table("readings") as table:
        for name in ("superseded_by", "withdrawn_at", "withdrawn_by"):
            table.drop_column(name)
