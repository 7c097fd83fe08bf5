"""The explorer's local page: who reaches it, and what it answers."""

import http.client
import json
import os
import re
import socket
import threading
import urllib.parse
import urllib.request
from pathlib import Path

import explored
import pytest

from keras_mix import cli
from keras_mix.plot._explorer import Scene, Server, page, read, stored
from keras_mix.plot._explorer.images import Encoder
from keras_mix.plot._explorer.server import hosts


@pytest.fixture(scope="module")
def server():
    scene = Scene(read(explored.pairs(), explored.NAMES))
    with Server(scene, title="</script><b>") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, path, host=None, method="GET"):
    """The status, the headers and the text of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    headers = {"Host": f"127.0.0.1:{server.server_port}" if host is None else host}
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def test_the_page_is_served_under_its_token(server):
    status, headers, text = ask(server, f"/{server.token}/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert server.address == f"http://127.0.0.1:{server.server_port}/{server.token}/"
    assert len(server.token) >= 32
    assert "{{" not in text
    # Names of files and classes end no script.
    assert "&lt;/script&gt;&lt;b&gt;" in text
    assert text.count("</script>") == 2
    described = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    assert described["mixers"]["CutMix"]["controls"][0]["name"] == "alpha"


def test_the_page_asks_nothing_of_the_outside(server):
    _, headers, text = ask(server, f"/{server.token}/")
    assert re.findall(r"https?://|//\w+\.\w+", text) == []
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    nonce = policy["script-src"].removeprefix("'nonce-").removesuffix("'")
    assert text.count(f'nonce="{nonce}"') == 2
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_a_picture_is_that_of_its_scene(server):
    query = urllib.parse.urlencode({"mixer": "MixUp", "alpha": "1.5", "seed": "4"})
    status, headers, text = ask(server, f"/{server.token}/scene?{query}")
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    answer = json.loads(text)
    assert answer["code"] == server.scene.picture("MixUp", {"alpha": 1.5}, 4).code
    assert answer["cards"].count("<figure") == 4


@pytest.mark.parametrize(
    "path",
    ["/", "/scene", "/favicon.ico", "/{wrong}/", "/{wrong}/scene", "x", "/{token}x/",
     "/%2e%2e/{token}/", "http://127.0.0.1/", "/é"],
)  # fmt: skip
def test_no_request_without_the_token_is_answered(server, path):
    wrong = "a" * len(server.token)
    path = urllib.parse.quote(path.format(token=server.token, wrong=wrong), safe="/:%")
    assert ask(server, path)[0] == 403


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "", "127.0.0.1", "127.0.0.1:1",
     "localhost.evil.example:{port}", "0.0.0.0:{port}"],
)  # fmt: skip
def test_no_request_for_another_host_is_answered(server, host):
    status, _, text = ask(server, f"/{server.token}/", host.format(port=server.server_port))
    assert status == 403
    assert "kmx" not in text
    assert ask(server, f"/{server.token}/", f"localhost:{server.server_port}")[0] == 200


def test_browsers_leave_out_the_port_of_http():
    assert "127.0.0.1" in hosts(80)
    assert "localhost:80" in hosts(80)
    assert "localhost" not in hosts(8080)


def test_names_that_look_like_markers_are_shown_as_they_are(server):
    described = {"mixers": "{{title}}"}
    text = page.render(server.scene, title="{{data}}", described=described, nonce="{{css}}")
    assert "{{data}}" in text
    assert 'nonce="{{css}}"' in text
    assert json.loads(re.search(r'id="data">(.*?)</script>', text)[1]) == described


def test_only_this_machine_is_listened_to(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"
    # Another address of this machine is not that of the page.
    with socket.socket() as other:
        other.settimeout(5)
        assert other.connect_ex(("127.0.0.2", server.server_port)) != 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("../../etc/passwd", 404),
        ("%2e%2e/%2e%2e/etc/passwd", 404),
        ("page.html", 404),
        ("scene/", 404),
        ("scene?mixer=CutMx", 400),
        ("scene?mixer", 400),
        ("scene?alpha=-1", 400),
        ("scene?alpha=nan", 400),
        ("scene?name=x", 400),
        ("scene?mixer=MixUp&sources=0", 400),
        ("scene?mixer=MixUp&sources=99999999999999999999", 400),
        ("scene?mixer=GridMix&cells=100000", 400),
        ("scene?mixer=CutMix&alpha=" + "1" * 3000, 414),
    ],
)
def test_other_requests_are_refused_in_one_sentence(server, path, status):
    found, headers, text = ask(server, f"/{server.token}/{path}")
    assert found == status
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text
    assert "\n" not in text
    assert "Traceback" not in text


def test_other_methods_are_not_answered(server):
    assert ask(server, f"/{server.token}/", method="POST")[0] == 501


def test_a_port_that_is_taken_is_refused_in_one_sentence(server):
    with pytest.raises(
        OSError, match=f"must be free on 127.0.0.1. Received: port={server.server_port}"
    ):
        Server(server.scene, title="", port=server.server_port)


def test_the_command_serves_until_it_is_interrupted(monkeypatch, capsys):
    opened = []

    def open_file(url):
        path = Path(urllib.request.url2pathname(urllib.parse.urlsplit(url).path))
        # Other users can read neither the file nor, in the arguments of the browser, the token.
        assert os.name == "nt" or path.stat().st_mode & 0o077 == 0
        opened.append((path, path.read_text("utf-8")))

    def interrupted(self):
        answer = json.loads(self.answer("mixer=CutMix&seed=3"))
        names = {}
        exec(answer["code"], names)
        assert names["mixed"][0].shape == (5, 8, 8, 1)
        expected = self.scene.picture("CutMix", {}, 3)
        assert (expected.labels == names["mixed"][1].numpy()).all()
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupted)
    monkeypatch.setattr("webbrowser.open", open_file)
    assert cli.main(["explore", "--images", "5"]) == 130
    captured = capsys.readouterr()
    address = captured.out.strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", address)
    assert captured.err == "keras-mix: interrupted; the explorer has ended\n"
    assert opened == []
    cli.main(["explore", "digits", "--images", "5", "--open"])
    ((path, text),) = opened
    assert f'content="0; url={capsys.readouterr().out.strip()}"' in text
    assert not path.exists()


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["nowhere"], "no such folder. Received: 'nowhere'"),
        (["--images", "1"], "`--images` must be an integer of at least 2. Received: --images=1"),
        (["--port", "70000"], "`--port` must be an integer between 0 and 65535."),
        (["--port", "x"], "argument --port: invalid int value"),
        (["--image-size", "9"], "is for folders"),
    ],
)
def test_the_command_refuses_in_one_sentence(capsys, argv, sentence):
    assert cli.main(["explore", *argv]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert (captured.out, captured.err.count("\n")) == ("", 1)


def test_a_stored_page_holds_the_pictures_that_its_controls_name(server, tmp_path):
    stops = {"CutMix": ("alpha", [0.5, 1.0]), "CowMix": ("fraction", [(0.1, 0.2), (0.5, 0.9)])}
    made = stored.write(
        server.scene,
        tmp_path,
        title="t",
        stops=stops,
        fixed={"pairing": "roll"},
        seeds=[3, 4],
        encoder=Encoder("WEBP"),
    )
    text = made.read_text("utf-8")
    described = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    assert described["stored"]
    for name, (option, values) in stops.items():
        (control,) = described["mixers"][name]["controls"]
        script = (tmp_path / f"{name}.js").read_text("utf-8")
        pictures = json.loads(re.fullmatch(r".*?\] = (.*);\n", script)[1])
        # As the page joins a state.
        assert set(pictures) == {f"{s} {t}" for s in described["seeds"] for t in control["values"]}
        picture = server.scene.picture(name, {option: values[1], "pairing": "roll"}, 4)
        assert pictures[f"4 {control['values'][1]}"]["code"] == picture.code
    assert described["mixers"]["CutMix"]["controls"][0]["default"] == 1
    assert re.findall(r"https?://", text) == []
