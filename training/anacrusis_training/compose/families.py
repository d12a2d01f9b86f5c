"""The generated families by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..piece import Piece
from .compound import compose_compound
from .drums import compose_drums
from .electronic import compose_electronic
from .folk import compose_folk
from .jazz import compose_jazz
from .latin import compose_latin
from .march import compose_march
from .minimal import compose_minimal
from .piano import compose_piano
from .pop import compose_pop
from .rock import compose_rock
from .strings import compose_strings
from .texture import compose_texture

Composer = Callable[[np.random.Generator, float], Piece]
"""From generator and duration in seconds to a piece."""

GENERATED: dict[str, Composer] = {
    "pop": compose_pop,
    "rock": compose_rock,
    "electronic": compose_electronic,
    "folk": compose_folk,
    "compound": compose_compound,
    "latin": compose_latin,
    "jazz": compose_jazz,
    "piano": compose_piano,
    "strings": compose_strings,
    "march": compose_march,
    "drums": compose_drums,
    "minimal": compose_minimal,
    "texture": compose_texture,
}
