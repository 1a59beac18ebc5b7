"""Answers about clouds: from a campaign's table and codes to what training reads."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from flows import cli
from models.contracts.cloud_labels import (
    CH,
    CL,
    CM,
    GENERA,
    INVISIBLE,
    LEVEL_GENERA,
    NOT_ANSWERED,
    CloudAnswer,
    Layer,
    base_code,
    cloud_fault,
    genera_bits,
)
from models.science.cloud_questions import lowest_base, ticked_genera
from tasks.cloud_campaign import cloud_status, read_cloud_labels
from tasks.cloud_code_tables import cloud_codes
from tasks.cloud_label_import import import_clouds
from tasks.errors import ConfigurationError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.labels import LabelStore
from tests.stores.camera_frames import frame

HOURS = range(6, 14)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> str:
    root = str(tmp_path_factory.mktemp("archive"))
    for number, camera in enumerate(("alps", "coast")):
        frames = [frame(f"2026-06-01T{hour:02d}:00", 100 * number + hour, f"{hour}.jpg") for hour in HOURS]
        CameraArchive(root, camera).append(frames)
    return root


@pytest.fixture
def root(archive, tmp_path) -> str:
    """An archive of the test's own, with the same frames."""
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "cameras").symlink_to(f"{archive}/cameras")
    return str(tmp_path / "archive")


def write(path, *lines):
    path.write_text("\n".join([*lines, ""]))
    return path


def test_code_tables_of_wmo():
    assert (len(CL), len(CM), len(CH)) == (10, 10, 10)
    assert sorted(genus for genera in LEVEL_GENERA.values() for genus in genera) == sorted(GENERA)
    # 1600: 0 below 50 m, 4 from 300 to 600 m, 8 from 2000 to 2500 m, 9 from 2500 m on
    assert [base_code(m) for m in (0, 49, 50, 300, 599, 2000, 2500, 9000)] == [0, 0, 1, 4, 4, 8, 9, 9]
    assert genera_bits(frozenset({6, 8})) == 2**6 + 2**8 and genera_bits(None) == NOT_ANSWERED


CUMULUS = Layer(frozenset({8}), 3, 5)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (CloudAnswer(okta=4, layers=(CUMULUS,), low=2), None),
        (CloudAnswer(okta=0), None),
        (CloudAnswer(okta=0, layers=(Layer(frozenset()),), low=0, mid=0, high=0), None),
        (CloudAnswer(obscured=1, low=INVISIBLE, mid=INVISIBLE, high=INVISIBLE), None),
        (CloudAnswer(sky_visible=0), None),
        (CloudAnswer(cannot_tell=True), None),
        (CloudAnswer(), "nothing"),
        (CloudAnswer(cannot_tell=True, okta=3), "cannot tell"),
        (CloudAnswer(sky_visible=0, okta=3), "no sky"),
        (CloudAnswer(obscured=1, okta=8), "obscured"),
        (CloudAnswer(okta=0, layers=(CUMULUS,)), "N is 0"),
        (CloudAnswer(okta=0, low=1), "N is 0"),
        (CloudAnswer(okta=2, layers=(CUMULUS,)), "a layer of 3 oktas"),
    ],
)
def test_what_cannot_all_be_meant(answer, words):
    fault = cloud_fault(answer)
    assert fault is None if words is None else words in fault


def test_good_answers_are_taken_and_bad_ones_listed(root, tmp_path):
    path = write(
        tmp_path / "t.csv",
        "image,camera,time,annotator,expertise,n,obscured,layer1_genera,layer1_amount,layer1_base,"
        "layer2_genera,cl,confidence,duration,gold",
        "6.jpg,alps,2026-06-01T06:00Z,ann,expert,5,no,Cu+Sc,3,4,Ci,8,0.9,12.5,reference",
        "7.jpg,alps,,bob,,9,,,,,,/,,,",
        "6.jpg,coast,,ann,,0,no,none,,,,0,,,",
        "8.jpg,alps,2026-06-01T09:00Z,ann,,5,,,,,,,,,",
        "8.jpg,alps,,ann,,0,,Cu,,,,,,,",
        "99.jpg,alps,,ann,,1,,,,,,,,,",
        "8.jpg,alps,,,,1,,,,,,,,,",
        "8.jpg,alps,,ann,,1,,,,,,,1.5,,",
        "8.jpg,desert,,ann,,1,,,,,,,,,",
        "8.jpg,,,ann,,1,,,,,,,,,",
        "8.jpg,alps,,ann,,9,no,,,,,,,,",
    )
    stray, alps, coast = import_clouds(root, path, "wmo")
    assert (alps.camera, alps.added, [bad.line for bad in alps.refused]) == ("alps", 2, [5, 6, 7, 8, 9, 12])
    assert "the frame is of 2026-06-01T08:00" in alps.refused[0].reason
    assert (coast.camera, coast.added, coast.refused) == ("coast", 1, ())
    assert [bad.line for bad in stray.refused] == [10, 11] and "desert" in stray.refused[0].reason
    first, second = LabelStore(root, "alps", alps.snapshot).clouds().itertuples()
    assert first.layer1_genera == 2**6 + 2**8 and first.layer2_genera == 1 and first.layer3_genera == -1
    assert (first.okta, first.obscured, first.layer1_okta, first.layer1_base, first.low) == (5, 0, 3, 4, 8)
    assert (first.expertise, first.gold, first.duration_s) == (3, 2, 12.5)
    assert first.time == np.datetime64("2026-06-01T06:00")
    assert (second.okta, second.obscured, second.low) == (-1, 1, INVISIBLE)  # N = 9 is no amount
    again = import_clouds(root, path, "wmo")
    assert [r.repeated for r in again] == [0, 2, 1] and again[1].snapshot == alps.snapshot
    source = LabelStore(root, "alps").imports().iloc[0]
    assert source["kind"] == "clouds" and json.loads(source["settings"])["codes"] == "wmo"


def test_a_campaign_has_codes_of_its_own(root, tmp_path):
    codes = write(
        tmp_path / "codes.csv",
        "field,code,wmo",
        "n,half,4",
        "n,fog,9",
        "n,pass,missing",
        "genera,fair weather,cumulus",
        "genera,veil,Cs",
        "genera,blue,none",
    )
    path = write(
        tmp_path / "t.csv",
        "image,annotator,n,genera",
        "6.jpg,ann,Half,fair weather + veil",
        "7.jpg,ann,fog,",
        "8.jpg,ann,pass,blue",
    )
    (report,) = import_clouds(root, path, str(codes), "coast")
    assert (report.added, report.refused) == (3, ())
    table = LabelStore(root, "coast").clouds()
    assert table["okta"].tolist() == [4, -1, -1] and table["obscured"].tolist() == [-1, 1, -1]
    assert table["layer1_genera"].tolist() == [2**8 + 2**2, -1, 0]


def test_unknown_codes_name_file_line_and_mend(root, tmp_path):
    path = write(tmp_path / "t.csv", "image,annotator,n", "6.jpg,ann,3", "7.jpg,ann,lots")
    with pytest.raises(
        ConfigurationError, match=r"t\.csv:3: unknown code 'lots' of n\. Mend: write the row n,lots"
    ):
        import_clouds(root, path, "wmo", "coast")
    assert not LabelStore(root, "coast").exists
    for row, words in (
        ("n,half,10", "no WMO code '10'"),
        ("cover,half,4", "no field 'cover'"),
        ("n,,4", "no code"),
        ("n,some,4\nn,some,5", "two meanings"),
    ):
        with pytest.raises(ConfigurationError, match=words) as error:
            cloud_codes(str(write(tmp_path / "wrong.csv", "field,code,wmo", row)))
        assert error.value.line in (2, 3)
    with pytest.raises(ConfigurationError, match="no table and no file"):
        cloud_codes("w")
    with pytest.raises(ConfigurationError, match="'camera' is missing"):
        import_clouds(root, path, "wmo")


def campaign_table(tmp_path):
    """Eight images of each camera. Three annotators agree but for one image; one always says the same."""
    rows = ["image,camera,annotator,n,genera,gold"]
    for camera in ("alps", "coast"):
        for hour in HOURS:
            okta, genus = (hour % 3) * 3 + 1, ("Cu", "Ci")[hour % 2]
            rows += [f"{hour}.jpg,{camera},{name},{okta},{genus}," for name in ("ann", "bob", "cid")]
            rows.append(f"{hour}.jpg,{camera},lazy,8,Cu,")
            if hour == 6:
                rows.append(f"{hour}.jpg,{camera},office,{okta},{genus},reference")
    rows += ["13.jpg,alps,ann,7,Cb,", "13.jpg,alps,bob,1,Ns,"]
    return write(tmp_path / "t.csv", *rows)


def test_a_campaign_is_pooled_over_cameras(root, tmp_path):
    import_clouds(root, campaign_table(tmp_path), "wmo")
    labels = read_cloud_labels(root)
    campaign = labels.campaign
    assert campaign.annotators == ("ann", "bob", "cid", "lazy") and len(campaign.images) == 16
    okta = campaign.results["okta"]
    sixth = CameraArchive(root, "alps").rows().set_index("source")["sha256"]["6.jpg"]
    place = campaign.images.index(sixth)
    assert okta.gold[place] == 1 and okta.consensus.posterior[place, 1] == 1
    cu = campaign.results["Cu"].consensus.posterior[:, 1]
    of_camera = [labels.camera_of[image] for image in campaign.images]
    assert sorted(set(of_camera)) == ["alps", "coast"] and ((cu > 0) & (cu < 1)).sum() == 14
    status = cloud_status(root)
    assert (status.items, status.answers, status.revised) == (16, 68, 2)
    assert status.cameras["items"].tolist() == [8, 8]
    assert status.spammers == ("lazy",)
    (ann,) = [one for one in status.annotators if one.name == "ann"]
    assert ann.gold_right == 1 and ann.gold_answers == 2 * 2  # N and Cu, of two images
    alphas = {one.name: one.alpha for one in status.questions}
    assert alphas["okta"] < 0.9 and np.isnan(alphas["St"])
    thirteenth = CameraArchive(root, "alps").rows().set_index("source")["sha256"]["13.jpg"]
    assert status.doubtful[0].image == thirteenth and status.contradictory >= 1
    assert cloud_status(root, "coast").items == 8
    old = read_cloud_labels(root, ["alps"], labels.versions)
    assert len(old.answers) == 35


def test_nothing_imported(root):
    assert cloud_status(root) is None
    labels = read_cloud_labels(root)
    assert labels.campaign.images == () and labels.campaign.results == {}


def test_what_was_not_asked_is_not_denied(root, tmp_path):
    """N = 0 denies all genera; a layer whose genus was left open denies none."""
    path = write(
        tmp_path / "t.csv",
        "image,annotator,n,layer1_genera,layer1_base,layer2_base",
        "6.jpg,ann,0,,,",
        "7.jpg,ann,5,Cu,6,3",
        "8.jpg,ann,5,,,",
        "9.jpg,ann,5,Cu,6,",
    )
    import_clouds(root, path, "wmo", "alps")
    table = LabelStore(root, "alps").clouds()
    ticked = ticked_genera(table)
    assert ticked[0].tolist() == [0] * 10
    assert ticked[1].tolist() == [-1] * 8 + [1, -1]
    assert ticked[2].tolist() == [-1] * 10
    assert ticked[3].tolist() == [0] * 8 + [1, 0]
    assert lowest_base(table).tolist() == [-1, 3, -1, 6]


def test_commands(root, tmp_path):
    config = str(write(tmp_path / "vigie.toml", "[archive]", 'root = "archive"'))

    def run(*arguments):
        return CliRunner().invoke(cli.app, ["labels", *arguments, "--config", config])

    table = campaign_table(tmp_path)
    result = run("import", "clouds", str(table))
    assert result.exit_code == 0 and "alps: 35 clouds added, 0 left out" in result.stdout
    status = run("status").stdout
    for words in (
        "16 items, 68 answers (2 revised, 0 cannot tell)",
        "spammers: lazy",
        "contradictory items: ",
    ):
        assert words in status
    bad = write(tmp_path / "bad.csv", "image,camera,annotator,n", "6.jpg,alps,ann,3", "6.jpg,moon,ann,3")
    result = run("import", "clouds", str(bad))
    assert result.exit_code == 3 and "no camera: 0 clouds added, 1 left out" in result.stdout
    assert isinstance(run("import", "pairs", str(bad)).exception, ConfigurationError)
