"""One module a step, each with what it adds and how it is taken back."""
