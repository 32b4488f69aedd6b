"""The clinical service itself, for any edge to use: queue, decoders, readings, record, answers and PDF."""
