"""The edges: each parses what it is given, calls one verb and shows what came of it."""
