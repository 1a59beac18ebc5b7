"""Credentials of a satellite source from a Prefect secret block; the only part of reading that knows Prefect."""

from prefect.blocks.system import Secret

from models.contracts.slots import SatelliteGridSettings
from tasks.errors import ConfigurationError
from tasks.eumetsat_credentials import Credentials, credentials_of_text


def credentials_of_block(settings: SatelliteGridSettings) -> Credentials | None:
    """Credentials of the block that a grid names.

    Args:
        settings: The grid; ``download.secret_block`` is the block's name.

    Returns:
        ``None`` where it names none: the environment is asked.

    Raises:
        ConfigurationError: There is no such block, or it holds something else.
    """
    name = settings.download.secret_block
    if name is None:
        return None
    place = f"Prefect secret block {name}"
    try:
        block = Secret.load(name, _sync=True)
    except ValueError as error:
        raise ConfigurationError(
            place,
            None,
            "not there",
            f"make it in Prefect, or unset satellite.{settings.name}.download.secret_block",
        ) from error
    return credentials_of_text(block.get(), place)
