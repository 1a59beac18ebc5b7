"""What file names state is worked out once per name and run, however often it is asked for."""

import numpy as np
from trollsift import Parser

from models.contracts.slots import SatelliteGridSettings
from tasks.satellite_catalogue import reader_config
from tasks.satellite_sets import FileNames
from tasks.stores.satellite_rows import SatelliteFile

FRANCE = (-5.5, 41.0, 10.0, 51.5)
NAME = "H-000-MSG2__-MSG2________-{channel}___-{part}-201001191200-C_"


def test_a_name_is_parsed_once(monkeypatch):
    grid = SatelliteGridSettings(
        "hrit", "", reader="seviri_l1b_hrit", region=FRANCE, variables=("IR_108", "VIS006")
    )
    parsed, made = [], []
    parse, init = Parser.parse, Parser.__init__
    monkeypatch.setattr(Parser, "parse", lambda self, *a, **k: parsed.append(a[0]) or parse(self, *a, **k))
    monkeypatch.setattr(Parser, "__init__", lambda self, *a, **k: made.append(a) or init(self, *a, **k))
    names = FileNames(grid, reader_config(grid.reader))
    files = [
        SatelliteFile(NAME.format(channel=channel, part=f"{part:06d}___"), "", 1)
        for channel in ("IR_108", "VIS006")
        for part in range(1, 9)
    ]
    before = len(made)
    first = [names.identify(file.name) for file in files]
    (one,) = names.sets(files, set())
    assert [names.identify(file.name) for file in files] == first and None not in first
    assert len(parsed) == len(files) and len(made) == before  # 16 names, and no parser but one per pattern
    # segments 7 and 8 of 8 hold 41 N and what is north of it, in each channel
    assert one.segments == (7, 8, 7, 8) and one.time == np.datetime64("2010-01-19T12:00", "ns")
    assert names.identify("notes.txt") is None and names.identify("notes.txt") is None
