"""The steps by which the record's database came to its present shape, for Alembic (see `boneage.clinic.record`)."""
