"""The DICOM node: films come in by C-STORE, documents go out by C-STORE or STOW-RS."""
