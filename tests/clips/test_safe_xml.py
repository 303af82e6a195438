import gzip
import weakref

import pytest

from causeway.clips.readers import safe_xml
from causeway.clips.readers.safe_xml import elements, head_has, root_element
from causeway.errors import UnusableInput


def write(path, text):
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def refusal(path):
    """Why a file is refused, in its one line."""
    with pytest.raises(UnusableInput) as error:
        list(elements(path, 1))
    (line,) = str(error.value).splitlines()
    return line


@pytest.mark.parametrize("name", ["a.xml", "a.xml.gz"])
def test_elements_of_a_depth_come_in_order_and_whole(tmp_path, name):
    path = write(tmp_path / name, '<r v="1"><a id="1"><b>x</b></a><c/><a id="2"><b>y</b></a></r>')
    assert [(e.tag, e.get("id"), e.findtext("b")) for e in elements(path, 1)] == [
        ("a", "1", "x"),
        ("c", None, None),
        ("a", "2", "y"),
    ]
    assert [e.text for e in elements(path, 2)] == ["x", "y"]
    assert root_element(path) == ("r", {"v": "1"})


def test_elements_already_given_are_not_kept(tmp_path):
    path = write(tmp_path / "a.xml", "<r>" + f"<a><b>{'x' * 1000}</b></a>" * 5000 + "</r>")  # 5 MB
    most, given = 0, []
    for element in elements(path, 1):
        given.append(weakref.ref(element))
        if len(given) % 500 == 0:
            most = max(most, sum(reference() is not None for reference in given))
    assert len(given) == 5000
    assert 0 < most < 2500


def test_entities_are_refused_before_they_are_expanded(tmp_path):
    bomb = '<!DOCTYPE r [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;">]><r><a>&b;</a></r>'
    assert "its document type declares something (r)" in refusal(write(tmp_path / "bomb.xml", bomb))
    outside = '<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>'
    assert "its document type declares something (r)" in refusal(write(tmp_path / "outside.xml", outside))
    utf16 = f'<?xml version="1.0" encoding="utf-16"?>{bomb}'.encode("utf-16")
    assert "its document type declares something (r)" in refusal(write(tmp_path / "utf16.xml", utf16))


def test_a_document_type_that_declares_nothing_is_read(tmp_path):
    path = write(tmp_path / "a.xml", "<!DOCTYPE boost_serialization><boost_serialization><a/></boost_serialization>")
    assert [e.tag for e in elements(path, 1)] == ["a"]


def test_deep_large_and_broken_files_are_refused_with_one_line(tmp_path, monkeypatch):
    assert "elements too deep (51)" in refusal(write(tmp_path / "deep.xml", "<a>" * 1000))
    assert "the file ends early" in refusal(write(tmp_path / "early.xml", "<r><a/>"))
    assert "not well-formed XML" in refusal(write(tmp_path / "wrong.xml", "<r><a></r>"))
    assert "empty, or no element" in refusal(write(tmp_path / "empty.xml", ""))
    assert "not well-formed XML" in refusal(
        write(tmp_path / "code.xml", '<?xml version="1.0" encoding="nonsense"?><r/>')
    )
    cut = write(tmp_path / "cut.xml.gz", "<r>" + "<a/>" * 999 + "</r>")
    cut.write_bytes(cut.read_bytes()[:-12])
    assert "cannot be read" in refusal(cut)
    monkeypatch.setattr(safe_xml, "MAX_BYTES", 1 << 21)
    assert "unpacks to more than 2097152 bytes" in refusal(
        write(tmp_path / "zip.xml.gz", b"<r>" + b" " * (3 << 20) + b"</r>")
    )
    monkeypatch.setattr(safe_xml, "_MOST_INSIDE", 10)
    assert "too many in one (11)" in refusal(write(tmp_path / "many.xml", "<r><a>" + "<b/>" * 20 + "</a></r>"))


def test_the_head_of_a_cut_file_can_still_be_looked_at(tmp_path):
    path = write(tmp_path / "a.xml.gz", "<commonRoad>" + "".join(f"<a{i}/>" for i in range(9999)))
    path.write_bytes(path.read_bytes()[:2000])
    assert head_has(path, b"<commonRoad")
    assert not head_has(path, b"<other")
    assert not head_has(tmp_path / "absent.xml", b"<")
    assert not head_has(write(tmp_path / "b.xml", b"\x00"), b"<commonRoad")
