"""Pieces made from other people's work: Groove MIDI, Freedoom's music, Harmonix' song plans.

The user gives a folder with the checkouts; nothing of theirs is committed. Every piece carries its source and licence,
and nothing that the evaluation corpus is made of gets through.
"""
