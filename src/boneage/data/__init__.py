"""Data folders: tables of films, splits, copies, checks, caches, and synthetic hands."""
