"""Pictures as Prefect artifacts, which need no file server."""

import base64
from pathlib import Path

from prefect.artifacts import create_image_artifact


def show_picture(picture: bytes | Path, key: str, description: str) -> None:
    """Keep a picture as an artifact of the run.

    Args:
        picture: JPEG or PNG: its bytes, or its file.
        key: Of the artifact; underscores, which keys have not, become hyphens.
        description: A headline.
    """
    content = picture.read_bytes() if isinstance(picture, Path) else picture
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    inline = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    create_image_artifact(inline, key=key.replace("_", "-"), description=description)
