"""Images listed and read from folders and web servers, through one path."""

import functools
import http.server
import os
import threading

import numpy as np
import pytest

from tasks import image_sources
from tasks.image_sources import SourceUnavailable, list_images, read_image, read_sidecar
from tests.tasks.image_files import jpeg


class _Flaky(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; answers 503 as often as ``failures`` says."""

    failures = 0
    asked = 0

    def send_head(self):
        type(self).asked += 1
        if type(self).failures > 0:
            type(self).failures -= 1
            self.send_error(503)
            return None
        return super().send_head()

    def log_message(self, *args):
        pass


@pytest.fixture
def web(tmp_path):
    """A folder and the URL that serves it."""
    handler = type("Handler", (_Flaky,), {})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(tmp_path))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield tmp_path, f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()
    thread.join()


def fill(folder):
    (folder / "sub").mkdir(parents=True)
    for name in (
        "img10.jpg",
        "img2.jpg",
        "sub/a b.JPG",
        ".hidden.jpg",
        "notes.txt",
        "times.csv",
        "img3.jpg.part",
    ):
        (folder / name).write_bytes(name.encode())


def test_a_folder_is_listed_in_natural_order(tmp_path):
    fill(tmp_path)
    images = list_images(str(tmp_path))
    assert [image.name for image in images] == ["img2.jpg", "img10.jpg", "sub/a b.JPG"]
    assert images[1].size == 9 and read_image(images[1]) == b"img10.jpg"
    assert abs(images[0].modified - np.datetime64("now")) < np.timedelta64(1, "h")
    assert list_images(f"file://{tmp_path}")[0].name == "img2.jpg"


def test_the_version_follows_the_file(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"one")
    (first,), (again,) = list_images(str(tmp_path)), list_images(str(tmp_path))
    assert first.version == again.version != 0
    (tmp_path / "a.jpg").write_bytes(b"other")
    assert list_images(str(tmp_path))[0].version != first.version


def test_one_image_is_a_source_too(tmp_path):
    (tmp_path / "latest.jpg").write_bytes(jpeg())
    (image,) = list_images(str(tmp_path / "latest.jpg"))
    assert image.name == "latest.jpg" and read_image(image) == jpeg()


def test_an_empty_folder_has_no_images_and_a_missing_one_is_unavailable(tmp_path):
    assert list_images(str(tmp_path)) == []
    with pytest.raises(SourceUnavailable, match="no folder"):
        list_images(str(tmp_path / "gone"))
    with pytest.raises(SourceUnavailable):
        list_images("nosuchprotocol://x/y")


def test_an_image_that_vanished_is_unavailable(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"one")
    (image,) = list_images(str(tmp_path))
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(SourceUnavailable, match=r"a\.jpg"):
        read_image(image)


def test_the_sidecar(tmp_path):
    assert read_sidecar(str(tmp_path)) is None
    (tmp_path / "times.csv").write_text("file,time\n")
    assert read_sidecar(str(tmp_path)) == "file,time\n"


def test_a_web_directory_reads_as_a_folder_does(web):
    folder, url, _ = web
    fill(folder / "cam")
    images = list_images(f"{url}/cam")
    assert [image.name for image in images] == ["img2.jpg", "img10.jpg", "sub/a b.JPG"]
    assert [read_image(image) for image in images] == [b"img2.jpg", b"img10.jpg", b"sub/a b.JPG"]
    assert [image.version for image in images] == [image.version for image in list_images(f"{url}/cam/")]
    assert images[0].size == 8 and images[0].modified is not None
    assert read_sidecar(f"{url}/cam") == "times.csv"
    assert read_sidecar(f"{url}/cam/sub") is None


def test_a_busy_server_is_asked_again(web, monkeypatch):
    monkeypatch.setattr(image_sources, "_FIRST_WAIT_S", 0.001)
    folder, url, handler = web
    (folder / "a.jpg").write_bytes(b"one")
    handler.failures = 2
    (image,) = list_images(url)
    handler.failures = 3
    assert read_image(image) == b"one"
    handler.failures = 100
    with pytest.raises(SourceUnavailable, match="503"):
        read_image(image)
    with pytest.raises(SourceUnavailable, match="503"):
        list_images(url)


def test_what_is_missing_is_not_asked_for_again(web, monkeypatch):
    monkeypatch.setattr(image_sources, "_FIRST_WAIT_S", 0.001)
    _, url, handler = web
    with pytest.raises(SourceUnavailable):
        list_images(f"{url}/gone")
    assert handler.asked <= 2


def test_no_server_is_unavailable(monkeypatch):
    monkeypatch.setattr(image_sources, "_FIRST_WAIT_S", 0.001)
    with pytest.raises(SourceUnavailable):
        list_images("http://127.0.0.1:9/cam")


def test_a_name_that_is_not_utf_8_is_read_and_named_in_utf_8(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9_20240101_1230.jpg")).write_bytes(b"picture")
    (image,) = list_images(str(tmp_path))
    assert image.name == r"caf\udce9_20240101_1230.jpg"
    assert read_image(image) == b"picture"


def test_a_password_in_a_url_is_not_told():
    with pytest.raises(SourceUnavailable) as caught:
        list_images("http://user:secret@127.0.0.1:9/cam/")
    assert "secret" not in str(caught.value) and "http://127.0.0.1:9/cam/" in str(caught.value)
