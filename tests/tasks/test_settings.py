"""Settings: which layer wins, what the digest depends on, and where a fault is said to be."""

from datetime import time

import pytest

from tasks.errors import ConfigurationError
from tasks.settings import load_settings

FILE = """\
[archive]
root = "archive"

[satellite.msg]
source = "satellite"

[night]
degraded_share = 0.1
failed_share = 0.9
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    for name in ("VIGIE_NIGHT__DEGRADED_SHARE", "VIGIE_SATELLITE__MSG__SOURCE"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "vigie.toml"
    path.write_text(FILE)
    return path


def refused(path, *layers) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, *layers)
    assert "\n" not in str(caught.value)
    return caught.value


def test_each_layer_wins_over_the_one_before_and_leaves_the_rest(config, monkeypatch):
    assert load_settings(config).night.degraded_share == 0.1
    monkeypatch.setenv("VIGIE_NIGHT__DEGRADED_SHARE", "0.2")
    assert load_settings(config).night.degraded_share == 0.2
    flow = {"night.degraded_share": 0.3}
    assert load_settings(config, flow).night.degraded_share == 0.3
    settings = load_settings(config, flow, {"night.degraded_share": 0.4})
    assert settings.night.degraded_share == 0.4
    # The other keys of the section stand as they were: 0.9 in the file, 06:00 by default.
    assert (settings.night.failed_share, settings.night.deadline_utc) == (0.9, time(6))
    assert flow == {"night.degraded_share": 0.3}


def test_a_section_given_whole_is_not_changed_by_the_next_layer(config):
    flow = {"night": {"failed_share": 0.7}}
    settings = load_settings(config, flow, {"night.degraded_share": 0.4})
    assert (settings.night.failed_share, settings.night.degraded_share) == (0.7, 0.4)
    assert flow == {"night": {"failed_share": 0.7}}


def test_a_grid_can_come_from_the_environment(config, monkeypatch):
    monkeypatch.setenv("VIGIE_SATELLITE__MSG__SOURCE", "elsewhere")
    monkeypatch.setenv("VIGIE_SATELLITE__MSG__REGION", "[0, 40, 5, 45]")
    settings = load_settings(config)
    assert settings.satellite["msg"].source == "elsewhere"
    assert settings.satellite["msg"].region == (0, 40, 5, 45)


def test_paths_are_relative_to_the_file_and_uris_stay(config):
    settings = load_settings(config)
    assert settings.locate("archive") == str(config.parent / "archive")
    assert settings.locate("/data/x") == "/data/x"
    assert settings.locate("s3://bucket/archive") == "s3://bucket/archive"
    assert settings.grid("msg").source == str(config.parent / "satellite")


def test_the_digest_is_of_values_not_of_places_or_spelling(config, tmp_path):
    digest = load_settings(config).digest
    other = tmp_path / "elsewhere" / "other.toml"
    other.parent.mkdir()
    # Another order, a comment, and a default written out: the same values.
    other.write_text(
        "[night]\nfailed_share = 0.9\ndegraded_share = 0.10\nbatch_camera_days = 16\n# a comment\n"
        '[satellite.msg]\nsource = "satellite"\n'
    )
    assert load_settings(other).digest == digest
    assert load_settings(config, {"night.degraded_share": 0.11}).digest != digest
    assert load_settings(config, {"satellite.msg.cadence_minutes": 5}).digest != digest
    assert len(digest) == 64


def test_a_reader_brings_its_own_variables_and_file_names(config):
    table = "[satellite.ahi]\nsource = 's'\nreader = '{}'\nvariables = ['{}']\n"
    config.write_text(table.format("ahi_hsd", "B13"))
    grid = load_settings(config).grid("ahi")
    (variable,) = grid.described  # as satpy describes it: K
    assert (variable.stored_in, variable.units, grid.products) == (
        "brightness_temperature",
        "K",
        {"B13": ("B13",)},
    )
    config.write_text(table.format("seviri_l1b_hrit", "IR_108"))
    assert load_settings(config).grid("ahi").pattern == "H-000-*"


def test_the_aligned_grid_is_the_named_one_or_the_only_one(config):
    assert load_settings(config).aligned_grid == "msg"
    two = {"satellite.rss.source": "rss"}
    assert load_settings(config, two).aligned_grid is None
    assert load_settings(config, two, {"alignment.grid": "rss"}).aligned_grid == "rss"
    config.write_text("")
    assert load_settings(config).aligned_grid is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[night]\ndegraded_shar = 0.1\n", 2, ("unknown key night.degraded_shar", "degraded_share")),
        ("\n[nigth]\nx = 1\n", 2, ("unknown key nigth", "did you mean night?")),
        ("[night]\n# high\ndegraded_share = 2\n", 3, ("night.degraded_share = 2", "less than or equal to 1")),
        ("[night]\ndegraded_share = 'much'\n", 2, ("night.degraded_share = 'much'", "valid number")),
        ("night = 3\n", 1, ("night = 3",)),
        ("[satellite.msg]\nreader = 'nwcsaf-geo'\n", 1, ("satellite.msg.source is required", "add source")),
        ("[satellite.msg]\nsource = 's'\nregion = [9, 40, 5, 45]\n", 3, ("minima first", "such as [-5.5")),
        ("[satellite.msg]\nsource = 's'\nvariables = ['cma', 'ctt']\n", 3, ("has no ctt", "known are cma")),
        (
            "[satellite.msg]\nsource = 's'\nvariables = ['cma', 'ct', 'cma']\n",
            3,
            ("cma given more than once", "name each variable once"),
        ),
        ("[satellite.msg]\nsource = 's'\ncadence_minutes = 7\n", 3, ("must divide 1440",)),
        ("[satellite.msg]\nsource = 's'\nreader = 'nwcsaf-goe'\n", 3, ("not a satpy reader", "nwcsaf-geo")),
        (
            "[satellite.m]\nsource = 's'\nreader = 'seviri_l1b_hrit'\nvariables = ['ct']\n",
            4,
            ("seviri_l1b_hrit has no ct", "VIS006"),
        ),
        (
            "[satellite.m]\nsource = 's'\nreader = 'seviri_l1b_native'\nvariables = ['IR_108', 'HRV']\n",
            4,
            ("IR_108 / HRV lie on different pixels", "table of its own"),
        ),
        ("[satellite.m]\nsource = 's'\npattern = '*.zip'\n", 3, ("no member", "Mend: add a member, such as")),
        ("[satellite.m]\nsource = 's'\nreader = 'fci_l1c_nc'\n", 1, ("fci_l1c_nc has no cma",)),
        ("[satellite.msg]\nsource = 's'\nwindow = 'fast'\n", 3, ("satellite.msg.window = 'fast'",)),
        ("[publish]\nroot = 's3://bucket/series'\n", 2, ("a folder of this machine",)),
        ("[satellite.msg]\nsource = 's'\nregion = [0, 40, 'x', 45]\n", 3, ("satellite.msg.region.2 = 'x'",)),
        ("[publish]\nstep_minutes = 7\n", 2, ("must divide 1440",)),
        ("[alignment]\ngrid = 'rss'\n[satellite.msg]\nsource = 's'\n", 2, ("no table [satellite.rss]",)),
        ("[night]\ndegraded_share = \n", 2, ("Invalid value", "write valid TOML")),
        ("[night\n", 1, ("write valid TOML",)),
        ("[night]\nx = '''never closed\n", 3, ("write valid TOML",)),
    ],
)
def test_a_fault_in_the_file_has_its_line_and_a_mend(config, text, line, words):
    config.write_text(text)
    error = refused(config)
    assert (error.file, error.line) == (config, line)
    assert f"{config}:{line}: " in str(error)
    for word in words:
        assert word in str(error)


def test_a_mend_says_what_to_write_and_not_what_the_key_means(config):
    config.write_text("[satellite.msg]\nsource = 's'\ncadence_minutes = 7\n")
    assert str(refused(config)) == (
        f"{config}:3: satellite.msg.cadence_minutes = 7: cadence_minutes must divide 1440. "
        "Mend: minutes between slots, such as 5, 10 or 15"
    )
    config.write_text("[satellite.eum]\nsource = 'eumetsat:EO:X'\npattern = '*.zip'\n")
    assert load_settings(config).grid("eum").member is None  # of a product, all members are meant


def test_a_missing_file_and_one_in_another_encoding(config):
    assert "cannot be read" in str(refused(config.with_name("none.toml")))
    config.write_bytes("[night]\n# dégradé\n".encode("latin-1"))
    assert (refused(config).line, "UTF-8" in str(refused(config))) == (2, True)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("VIGIE_NIGHT__DEGRADED_SHARE", "2", "less than or equal to 1"),
        ("VIGIE_NIGHT__TYPO", "2", "unknown key night.typo"),
        ("VIGIE_NIGTH__DEADLINE_UTC", "05:00", "did you mean night?"),
        ("VIGIE_NIGHT_DEADLINE_UTC", "05:00", "VIGIE_NIGHT__DEADLINE_UTC"),
        ("VIGIE_SATELLITE__MSG__REGION", "0,40,5,45", "satellite"),
        ("VIGIE_NIGHT", "{not JSON", "JSON"),
    ],
)
def test_a_fault_in_the_environment_names_the_variable_not_the_file(config, monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    error = refused(config)
    assert str(error).startswith("environment variable VIGIE_")
    assert error.line is None
    assert words in str(error)


def test_other_variables_of_ours_are_no_settings(config, monkeypatch):
    monkeypatch.setenv("VIGIE_REVISION", "abc")
    monkeypatch.setenv("VIGIE_REAL_DATA", "/data")
    load_settings(config)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"night.degraded_shar": 0.1}, "unknown key night.degraded_shar"),
        ({"night.degraded_share": "much"}, "night.degraded_share = 'much'"),
        ({"satellite.msg.region": [5, 40, 0, 45]}, "satellite.msg: region must be [lon_min"),
        ({"satellite.msg.region": [0, 40, "x", 45]}, "satellite.msg.region.2 = 'x'"),
        ({"night.degraded_share": 0.1, "night.degraded_share.x": 1}, "is no table"),
    ],
)
def test_a_fault_of_a_parameter_is_said_to_be_one(config, layer, words):
    error = refused(config, {}, layer)
    assert str(error).startswith("parameter or command line: ")
    assert words in str(error)
