"""Corpus, training, calibration and export of Anacrusis' own networks."""
