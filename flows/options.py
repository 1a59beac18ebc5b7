"""What the commands have in common: exit codes, and options of the same name and meaning."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXIT_FAILED, EXIT_CONFIGURATION, EXIT_DEGRADED = 1, 2, 3


class Form(StrEnum):
    """How answers are printed."""

    JSON = "json"
    TEXT = "text"


Format = Annotated[Form, typer.Option("--format", help="For programs, or for people.")]
Labels = Annotated[Path | None, typer.Option(help="Folder of horizon label files.")]
Cameras = Annotated[Path | None, typer.Option(help="Folder of the camera folders that they label.")]
Cloud = Annotated[Path | None, typer.Option(help="Folder of manifest.csv and wsiseg.")]
