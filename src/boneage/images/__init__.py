"""Bytes or a path to a `Radiograph`: every format by its content, DICOM among them."""
