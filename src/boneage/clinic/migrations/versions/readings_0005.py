"""What readers say in a reading session or a quiz: one row an answer, and one more for each correction."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table. No two answers have one number of revision: of two that come at once the second is refused."""
    op.create_table(
        "ratings",
        sql.Column("id", sql.Integer, primary_key=True),
        sql.Column("made_at", sql.DateTime(timezone=True), nullable=False),
        sql.Column("study", sql.String(200), nullable=False),
        sql.Column("reader", sql.String(64), nullable=False),
        sql.Column("film_sha256", sql.String(64), nullable=False),
        sql.Column("repeat", sql.Integer, nullable=False),
        sql.Column("revision", sql.Integer, nullable=False),
        sql.Column("months", sql.Float),
        sql.Column("reference_months", sql.Float),
        sql.Column("program_months", sql.Float),
        sql.Column("program", sql.String(200)),
        sql.UniqueConstraint("study", "reader", "film_sha256", "repeat", "revision", name="one_rating"),
    )


def downgrade() -> None:
    """Take the table away, with all that it holds."""
    op.drop_table("ratings")
