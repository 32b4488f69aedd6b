"""The first table: one row a reading, with a reviewer's own age beside it."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of readings and the index by patient."""
    op.create_table(
        "readings",
        sql.Column("id", sql.Integer, primary_key=True),
        sql.Column("made_at", sql.DateTime(timezone=True), nullable=False),
        sql.Column("who", sql.String(64), nullable=False),
        sql.Column("film_sha256", sql.String(64), nullable=False),
        sql.Column("patient", sql.String(64)),
        sql.Column("sex", sql.String(8), nullable=False),
        sql.Column("chronological_age_months", sql.Float),
        sql.Column("bone_age_months", sql.Float),
        sql.Column("model", sql.String(200), nullable=False),
        sql.Column("weights_sha256", sql.String(64), nullable=False),
        sql.Column("reading", sql.JSON, nullable=False),
        sql.Column("reviewer_bone_age_months", sql.Float),
        sql.Column("reviewer", sql.String(64)),
        sql.Column("reviewed_at", sql.DateTime(timezone=True)),
    )
    op.create_index("readings_by_patient", "readings", ["patient"])


def downgrade() -> None:
    """Take the table away, with all that it holds."""
    op.drop_table("readings")
