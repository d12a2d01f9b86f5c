"""Corpora: composed, rendered, spoilt and turned into features, each item a function of recipe and index alone."""
