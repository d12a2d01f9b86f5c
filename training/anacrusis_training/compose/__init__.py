"""Composers: music generated from a seed, with beats and bars that are true by construction.

`families.GENERATED` names them; `accompany` puts a band over given beats, `structured` arranges a given form.
"""
