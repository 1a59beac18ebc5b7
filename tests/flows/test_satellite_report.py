"""What a night shows of the satellite, and where it takes its credentials from."""

from datetime import date

import pytest

from models.contracts.downloads import DownloadSettings
from models.contracts.slots import SatelliteGridSettings
from tasks.errors import ConfigurationError
from tasks.eumetsat_credentials import Credentials
from tasks.night_plan import plan_night
from tasks.satellite_ingest import ingest_satellite
from tasks.satellite_report import write_months
from tests.tasks.satellite_folders import AS_OF, settings, write_cma

pytestmark = [pytest.mark.flow, pytest.mark.filterwarnings("ignore")]


def test_a_month_is_a_picture_beside_the_report_and_an_artifact(prefect_server, tmp_path):
    from prefect.artifacts import Artifact

    from tasks.night_report import show_months

    write_cma(tmp_path / "source", 0)
    grid = settings(tmp_path / "source", name="msg_fr", variables=("cma",))
    ingest_satellite(grid, str(tmp_path / "archive"), AS_OF)
    (tmp_path / "cameras.csv").write_text("id,source\nriver01,images\n")
    (tmp_path / "vigie.toml").write_text(
        '[satellite.msg_fr]\nsource = "source"\n[satellite.empty]\nsource = "source"\n'
    )
    (sheet,) = write_months(plan_night(date(2024, 6, 1), tmp_path / "vigie.toml"))
    assert sheet.path == tmp_path / "published" / "nights" / "satellite-msg_fr-2024-06.png"
    # due by 06:00 of the day after: 96 of the first and 24 of the second, of which one came: 1 / 120
    assert sheet.headline == "Satellite grid msg_fr, 2024-06: 0.8 % of what was due is ok"
    show_months([sheet])
    artifact = Artifact.get("satellite-msg-fr")
    assert artifact.data.startswith("data:image/png;base64,") and artifact.description == sheet.headline


def test_credentials_are_taken_from_a_secret_block(prefect_server):
    from prefect.blocks.system import Secret

    from tasks.prefect_credentials import credentials_of_block

    def grid(block):
        return SatelliteGridSettings("msg", "eumetsat:EO:X", download=DownloadSettings(secret_block=block))

    Secret(value="ours:hush").save("eumetsat", overwrite=True)
    Secret(value={"consumer_key": "ours", "consumer_secret": "hush"}).save("table", overwrite=True)
    Secret(value="hush").save("other", overwrite=True)
    for block in ("eumetsat", "table"):
        assert credentials_of_block(grid(block)) == Credentials("ours", "hush")
    assert credentials_of_block(grid(None)) is None
    for block in ("other", "none"):
        with pytest.raises(ConfigurationError, match=f"secret block {block}") as raised:
            credentials_of_block(grid(block))
        assert "hush" not in str(raised.value)
