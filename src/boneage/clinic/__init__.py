"""The service without HTTP: queue, decoders, record, answers and PDF. Each edge translates its named errors once."""
