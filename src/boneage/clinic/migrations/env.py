"""What Alembic runs before the steps: they are taken on the connection that `boneage.clinic.record` hands over."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
