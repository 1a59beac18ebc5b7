"""``xr.open_dataset(path, engine="vigie")``: camera and satellite archives, lazily."""

import os
from collections.abc import Iterable
from typing import Any, ClassVar

import xarray as xr
from xarray.backends import BackendEntrypoint

from tasks.errors import StoreError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.locks import local_path
from tasks.stores.repository import StoreNotFound, repository_kind


class VigieBackendEntrypoint(BackendEntrypoint):
    """xarray engine of Vigie's archives; works with and without Dask (``chunks={}``)."""

    description = "Open Vigie camera and satellite archives"
    open_dataset_parameters: ClassVar[tuple[str, ...]] = (
        "filename_or_obj",
        "drop_variables",
        "group",
        "stabilised_by",
        "hfov_deg",
    )

    def open_dataset(
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
        group: str | None = None,
        stabilised_by: str | os.PathLike[str] | None = None,
        hfov_deg: float | None = None,
    ) -> xr.Dataset:
        """Open an archive.

        Args:
            filename_or_obj: Folder or URI of one repository, such as ``archive/cameras/river01``.
            drop_variables: Names to leave out.
            group: For a camera with frames of several sizes, which; by default that of the latest frame. Frames that
                are stabilised are all of one size: of all groups.
            stabilised_by: Record of the network's nights: frames of a camera are seen from its reference, see
                ``tasks.stabilised``.
            hfov_deg: Horizontal field of view of the camera, for frames that are stabilised.

        Raises:
            StoreError: Nothing to open there; the message says the mend.
        """
        uri = os.fspath(filename_or_obj)
        kind = repository_kind(uri)
        if stabilised_by is not None:
            if kind != "camera" or group is not None:
                raise StoreError(f"{uri}: stabilised_by is for a whole camera. Mend: leave it, or group, out")
            dataset = _stabilised(CameraArchive.at(uri), os.fspath(stabilised_by), hfov_deg)
        elif kind == "camera":
            dataset = CameraArchive.at(uri).open(group)
        elif kind == "satellite":
            from tasks.stores.satellite_archive import (
                open_satellite,  # satpy's world is not needed for cameras
            )

            dataset = open_satellite(uri)
        else:
            raise StoreError(f"{uri}: holds {kind}. Mend: open what is published with xr.open_zarr")
        drop = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or ())
        return dataset.drop_vars(drop, errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether it is a local archive of Vigie's."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        uri = os.fspath(filename_or_obj)
        folder = local_path(uri)
        if folder is None or not (folder / "config.yaml").is_file():
            return False
        try:
            return repository_kind(uri) in ("camera", "satellite")
        except StoreNotFound:
            return False


def _stabilised(archive: CameraArchive, record: str, hfov_deg: float | None) -> xr.Dataset:
    from tasks.stabilised import stabilised_frames  # torch is not needed for frames as they came
    from tasks.stores.results import ResultsRecord

    rows = archive.rows()
    return stabilised_frames(archive, ResultsRecord(record), rows[~rows["shadowed"]], hfov_deg)
