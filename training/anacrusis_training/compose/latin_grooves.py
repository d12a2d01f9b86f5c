"""Afro-Latin, Caribbean and African drum patterns; claves span two bars of four."""

from __future__ import annotations

from .drumming import groove

SALSA_GROOVES = (
    groove(
        "son 3-2",
        2,
        claves="x..x|..x.|..x.|x...",
        conga_mute="x...|x...|x...|x...",
        conga_high="..x.|....|..x.|....",
        conga_low="...x|...x|...x|..xx",
        cowbell="x.x.|x.x.|x.x.|x.x.",
    ),
    groove(
        "son 2-3",
        2,
        claves="..x.|x...|x..x|..x.",
        conga_high="..x.|..x.|..x.|..x.",
        conga_low="...x|..xx|...x|..xx",
        bongo_high="xoxo|xoxo|xoxo|xoxo",
    ),
    groove(
        "rumba",
        2,
        claves="x..x|...x|..x.|x...",
        conga_low="...x|....|...x|..x.",
        conga_high="..x.|..xx|..x.|..x.",
        timbale_low="x.xx|.x.x|x.xx|.xx.",
    ),
    groove(
        "cascara",
        2,
        timbale_high="x.x.|xx.x|.xx.|x.xx",
        claves="..x.|x...|x..x|..x.",
        kick="...x|....|...x|....",
        conga_low="...x|..xx|...x|..xx",
    ),
    groove("cha cha", 2, cowbell="x.x.|x.x.", guiro_long="x...|x...", guiro_short="..xx|..xx", conga_low="...x|..xx"),
    groove("bolero", 2, shaker="x.xx|x.xx", bongo_high="xxxx|xxxx", conga_low="....|..xx", rim="x...|...."),
)
SAMBA_GROOVES = (
    groove(
        "samba",
        4,
        surdo_high="x...|....",
        surdo_low="....|X...",
        shaker="xxxX|xxxX",
        agogo_high="x..x|..x.",
        agogo_low="..x.|x..x",
    ),
    groove(
        "batucada",
        4,
        surdo_low="...x|X...",
        surdo_high="x...|...x",
        snare="x..x|..x.",
        shaker="Xxxx|Xxxx",
        tambourine="x.xx|.x.x",
    ),
    groove("partido", 4, kick="x..x|x..x", tambourine="xoXx|oXxo", surdo_low="....|X.x.", rim="x.x.|.x.x"),
    groove(
        "maracatu",
        4,
        surdo_low="x..x|..x.",
        agogo_high="..x.|x.x.",
        agogo_low="x...|....",
        snare="XxxX|xxXx",
        shaker="x.x.|x.x.",
    ),
    groove("baiao", 4, kick="x..x|..x.", triangle_mute="xx.x|xx.x", triangle="..x.|..x.", snare="...x|..x."),
    groove("frevo", 4, surdo_low="....|X...", snare="XxxX|xxXx", kick="x...|x..."),
)
BOSSA_GROOVES = (
    groove("bossa", 2, kick="x..x|x..x|x..x|x..x", rim="x..x|..x.|..x.|.x..", top="xxxx|xxxx|xxxx|xxxx"),
    groove("bossa two", 2, kick="x..x|x..x|x..x|x..x", rim="x..x|..x.|..x.|x...", shaker="xxxx|xxxx|xxxx|xxxx"),
)
REGGAE_GROOVES = (
    groove("one drop", 2, kick="....|x...", rim="....|x...", top="xxxx|xxxx"),
    groove("one drop bare", 2, kick="....|x...", snare="....|x...", top=".x.x|.x.x"),
    groove("rockers", 2, kick="x.x.|x.x.", rim="....|x...", top="xxxx|xxxx"),
    groove("steppers", 4, kick="x...|x...|x...|x...", snare="....|....|x...|....", top="x.xo|x.xo|x.xo|x.xo"),
    groove("ska", 2, kick="x...|x...", snare="..x.|..x.", top=".x.x|.x.x"),
)
CUMBIA_GROOVES = (
    groove(
        "cumbia",
        4,
        guiro_long="x...|x...|x...|x...",
        guiro_short="..xx|..xx|..xx|..xx",
        kick="x...|....|x...|....",
        conga_low="..x.|..x.|..x.|..xx",
        cowbell="x...|x...|x...|x...",
    ),
    groove("reggaeton", 4, kick="x...|x...|x...|x...", snare="...x|..x.|...x|..x.", top="..x.|..x.|..x.|..x."),
    groove(
        "merengue",
        4,
        kick="x...|x...|x...|x...",
        guiro_long="x.xx|x.xx|x.xx|x.xx",
        conga_high="x...|x...|x.xx|.xx.",
        conga_low="....|..xx|....|..xx",
    ),
    groove("soca", 4, kick="x...|x...|x...|x...", snare="...x|..x.|...x|..x.", cowbell="x.x.|x.xx|x.x.|x.xx"),
)
AFROBEAT_GROOVES = (
    groove(
        "afrobeat",
        4,
        kick="x...|..x.|..x.|x...",
        snare="...o|..X.|.o.o|..X.",
        top="x.x.|x.x.|x.xx|x.x.",
        shaker="x.xx|x.xx|x.xx|x.xx",
    ),
    groove(
        "highlife",
        4,
        claves="x..x|..x.|..x.|x...",
        kick="x...|x...|x...|x...",
        top="..x.|..x.|..x.|..x.",
        conga_low="...x|..x.|...x|..xx",
    ),
    groove("soukous", 4, kick="x...|x...|x...|x...", snare="x..x|..xx|x..x|..xx", top="x.x.|x.x.|x.x.|x.x."),
    groove(
        "candombe",
        4,
        block_high="x..x|..x.|..x.|x...",
        conga_high=".xx.|.xx.|.xx.|.xx.",
        conga_low="x..x|...x|x..x|...x",
        tom_5="x...|..xX|....|..xX",
    ),
)
BELL_GROOVES = (
    groove(
        "bembe",
        3,
        cowbell="x.x|.xx|.x.|x.x",
        conga_low="..x|x..|..x|x..",
        conga_high="x..|..x|x..|..x",
        kick="x..|...|x..|...",
    ),
    groove("bell two", 3, agogo_high="x.x|.x.|xx.|x.x", shaker="xxx|xxx|xxx|xxx", tom_5="..x|...|x..|..x"),
    groove("chacarera", 3, tom_6="x..|x..|x..|x..", rim="x.x|.x.|x.x|.x.", conga_low="...|..x|...|..x"),
)
