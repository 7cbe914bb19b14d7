"""A node's config: read strictly, floors kept, errors that say what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import ConfigError
from edge.config import load

HEAD = 'node = "window-1"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(text)
    return path


def test_a_node_name_alone_is_a_config(tmp_path: Path) -> None:
    config = load(written(tmp_path, HEAD))
    assert config.node == "window-1"
    assert config.privacy.k == 5
    assert not config.notice_acknowledged


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load(written(tmp_path, HEAD + '[outbox]\nfolder = "out"\n[broker]\nca = "ca.pem"\n'))
    assert config.outbox.folder == tmp_path / "out"
    assert config.broker.ca == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'node' cannot be used: Field required"),
        (HEAD + "nodee = 1", "unknown key 'nodee'; did you mean 'node'?"),
        (HEAD + "[privacy]\nwindows_s = 300", "unknown key 'privacy.windows_s'; did you mean 'window_s'?"),
        (HEAD + "[privacy]\nk = 4", "'privacy.k' cannot be used: Input should be greater than or equal to 5"),
        (HEAD + "[privacy]\nwindow_s = 60", "privacy.window_s"),
        (HEAD + "[privacy]\nhour_min = 10", "privacy.hour_min"),
        (HEAD + "[privacy]\nepsilon = 2.0", "privacy.epsilon"),
        (HEAD + '[privacy]\nprofile = "consented"', "needs dpia_reference"),
        (HEAD + '[broker]\nurl = "http://x"', "broker.url"),
        (HEAD + "node = 2", "cannot be read as TOML"),
        (HEAD + '[[zones]]\nid=0\nname="A"\npolygon=[[0.0,0.0],[1.5,0.0],[1.0,1.0]]', "less than or equal to 1"),
        (HEAD + '[[zones]]\nid=0\nname="A"\npolygn=[[0.0,0.0],[0.5,0.0],[1.0,1.0]]', "did you mean 'polygon'?"),
        (HEAD + '[[zones]]\nid=0\nname="A"\npolygon=[[0.0,0.0],[0.1,0.0],[0.1,0.1]]', "draw it larger"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_naming_the_key(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, text))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"copy firmware_config/node\.toml there"):
        load(tmp_path / "none.toml")


def test_the_example_config_loads_as_it_stands() -> None:
    config = load(Path(__file__).parents[2] / "firmware_config" / "node.toml")
    assert [zone.name for zone in config.zones] == ["Ceramics", "Textiles"]
    assert not config.notice_acknowledged
