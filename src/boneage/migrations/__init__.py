"""The steps by which the record's database came to its present shape, for Alembic; `boneage.record` takes them."""
