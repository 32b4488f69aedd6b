"""Statistics of a study: how readers and programs agree, how a site is calibrated, how groups of films compare."""
