"""Sound for pieces: soundfonts through fluidsynth, a synthesiser of our own, and the mix of both.

`render.sound.choose_sound` draws how a piece shall sound; `render.sound.render` makes it sound.
"""
