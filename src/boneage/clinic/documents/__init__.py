"""The documents of a reading: DICOM objects for the film's study, a PDF, and FHIR resources."""
