from causeway.errors import UnusableInput, one_line


def test_a_message_is_one_line_whatever_a_file_holds():
    assert str(UnusableInput("a.csv: 'x\x00\n\ud800é'")) == r"a.csv: 'x\x00 \ud800é'"
    assert one_line("") == ""
    assert one_line("bad (<ast.Dict object at 0x7f9df01dd5a0>)") == "bad (<ast.Dict object>)"


def test_the_middle_of_a_very_long_message_is_left_out_and_its_advice_stays():
    short = one_line("a" * 100_000 + "; copy it again")
    assert len(short) == 703
    assert short.startswith("a" * 500)
    assert short.endswith("a; copy it again")
