"""Data sets by folder: what is recognised, paired, tagged, and left out with a reason."""

from __future__ import annotations

import os
import pickle
import shutil
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from audio_trees import RATE_HZ, put, put_broken, put_pair, tone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slimse_mcu.data import Pairs, Rejected, SpeechAndNoise, open_sources, open_test_set
from slimse_mcu.data.audio_files import Recording, fault, find, probe, read
from slimse_mcu.data.check import check
from slimse_mcu.data.sets import kind_of, kinds
from slimse_mcu.data.sets.layout import held_out
from slimse_mcu.data.sets.voicebank import LAYOUT as VOICEBANK
from slimse_mcu.errors import AudioError, SlimseError

HOSTILE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def reasons(rejected: tuple[Rejected, ...]) -> dict[str, str]:
    return {one.path.name: one.reason for one in rejected}


# ---- single files ---------------------------------------------------------------------------------------------------


def test_every_broken_file_has_its_reason_and_none_raises(tmp_path: Path):
    expected = put_broken(tmp_path)
    for name, word in expected.items():
        header = probe(tmp_path / name)
        found = header if isinstance(header, Rejected) else fault(header)
        assert found is not None, name
        assert word in found.reason, name
        assert name not in found.reason
        assert not found.reason.endswith(".")


@given(st.binary(max_size=300), st.sampled_from([".wav", ".flac", ".WAV"]), st.booleans())
@HOSTILE
def test_random_bytes_are_rejected_not_fatal(tmp_path: Path, content: bytes, suffix: str, riff: bool):
    path = tmp_path / f"x{suffix}"
    path.write_bytes((b"RIFF\x24\x01\0\0WAVEfmt " if riff else b"") + content)
    found = probe(path)
    assert isinstance(found, Recording | Rejected)
    if isinstance(found, Recording):
        assert fault(found) is None or isinstance(fault(found), Rejected)


@given(st.data(), st.sampled_from([".wav", ".flac"]))
@HOSTILE
def test_damaged_recordings_are_rejected_or_give_finite_samples(tmp_path: Path, data: st.DataObject, suffix: str):
    content = bytearray(put(tmp_path / f"whole{suffix}", tone(0.5)).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        # Headers matter most.
        end = data.draw(st.sampled_from([60, len(content)]))
        content[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    found = probe(path)
    if isinstance(found, Recording) and fault(found) is None:
        assert np.isfinite(read(found, RATE_HZ)).all()


def test_a_part_of_a_resampled_file_is_that_part_of_the_whole(tmp_path: Path):
    audio = tone(2.0, 700.0, rate_hz=48000)
    found = probe(put(tmp_path / "a.wav", audio, rate_hz=48000, subtype="FLOAT"))
    whole = read(found, RATE_HZ)
    np.testing.assert_allclose(whole, soxr.resample(audio, 48000, RATE_HZ), atol=1e-4)
    part = read(found, RATE_HZ, first=8000, count=16000)
    assert len(part) == 16000
    np.testing.assert_allclose(part[400:-400], whole[8400:23600], atol=1e-3)
    assert len(read(found, RATE_HZ, first=30000, count=16000)) == 2000


def test_several_channels_become_their_mean(tmp_path: Path):
    left, right = tone(0.5, 300.0), tone(0.5, 900.0)
    found = probe(put(tmp_path / "a.wav", np.stack([left, right], 1), subtype="FLOAT"))
    np.testing.assert_allclose(read(found, RATE_HZ), (left + right) / 2, atol=1e-6)


def test_a_file_that_changes_after_it_was_listed_is_an_error_of_that_file(tmp_path: Path):
    found = probe(put(tmp_path / "a.wav", tone(1.0)))
    put(tmp_path / "a.wav", tone(0.5))
    with pytest.raises(AudioError, match=r"a\.wav ends after 8000 of 16000"):
        read(found, RATE_HZ)
    (tmp_path / "a.wav").unlink()
    with pytest.raises(AudioError, match="cannot be read"):
        read(found, RATE_HZ)


def test_finding_skips_hidden_files_and_follows_a_loop_of_links_once(tmp_path: Path):
    put(tmp_path / "b" / "a.WAV", tone(0.5), subtype="PCM_16")
    put(tmp_path / "._a.wav", tone(0.5))  # what macOS leaves in archives
    put(tmp_path / ".cache" / "a.wav", tone(0.5))
    (tmp_path / "notes.txt").write_text("no audio")
    (tmp_path / "b" / "up").symlink_to(tmp_path, target_is_directory=True)
    assert find(tmp_path) == [tmp_path / "b" / "a.WAV"]


# ---- pairs ----------------------------------------------------------------------------------------------------------


def test_pairs_are_matched_by_name_below_their_folders(tmp_path: Path):
    for name in ("a", "deep/b"):
        put_pair(tmp_path, name)
    found = open_test_set(tmp_path)
    assert found.kind == "pairs"
    assert [(one.name, one.noisy.name, one.clean.name) for one in found.items] == [
        ("a", "a.wav", "a.wav"), ("deep-b", "b.wav", "b.wav"),
    ]  # fmt: skip
    assert not found.rejected


def test_what_cannot_be_evaluated_is_listed(tmp_path: Path):
    put_pair(tmp_path, "good")
    put_pair(tmp_path, "unequal")
    put(tmp_path / "clean" / "unequal.wav", tone(0.9))
    put_pair(tmp_path, "silent_clean")
    put(tmp_path / "clean" / "silent_clean.wav", np.zeros(RATE_HZ))
    put(tmp_path / "noisy" / "alone.wav", tone(1.0))
    put(tmp_path / "clean" / "lonely.wav", tone(1.0))
    for name in put_broken(tmp_path / "noisy"):
        put(tmp_path / "clean" / f"{Path(name).stem}.wav", tone(1.0))
    found = open_test_set(tmp_path)
    assert [one.name for one in found.items] == ["good"]
    why = reasons(found.rejected)
    assert "16000 samples" in why["unequal.wav"]
    assert "14400" in why["unequal.wav"]
    assert why["silent_clean.wav"] == "is silent"
    assert "no partner in clean" in why["alone.wav"]
    assert "no partner in noisy" in why["lonely.wav"]
    assert len(found.rejected) == 4 + 8


def test_a_name_that_two_files_have_is_listed(tmp_path: Path):
    put_pair(tmp_path, "a")
    put(tmp_path / "noisy" / "a.flac", tone(1.0))
    put_pair(tmp_path, "b-c")
    put_pair(tmp_path, "b/c")
    found = open_test_set(tmp_path)
    assert len(found.items) == 2
    assert {one.name for one in found.items} == {"a", "b-c"}
    assert sum("same name" in one.reason for one in found.rejected) == 2


def test_noisy_recordings_without_references_can_be_evaluated_but_not_trained_on(tmp_path: Path):
    put(tmp_path / "noisy" / "a.wav", tone(1.0))
    assert open_test_set(tmp_path).items[0].clean is None
    with pytest.raises(SlimseError, match="no clean reference"):
        open_sources(tmp_path)


def test_splits_have_folders_of_their_own_or_a_share_by_name(tmp_path: Path):
    for split in ("train", "test"):
        put_pair(tmp_path / "own" / split, split)
    assert open_test_set(tmp_path / "own").items[0].name == "test"
    assert len(open_sources(tmp_path / "own").noisy) == 1
    with pytest.raises(SlimseError, match=r"no valid recordings.*train, test"):
        open_sources(tmp_path / "own", split="valid")
    for number in range(12):
        put_pair(tmp_path / "flat", f"{number}", 0.3)
    train, valid = (open_sources(tmp_path / "flat", split=split) for split in ("train", "valid"))
    names = [{one.path.stem for one in part.noisy.recordings} for part in (train, valid)]
    assert not names[0] & names[1]
    assert len(names[0] | names[1]) == 12
    assert names[1]


@given(st.sets(st.text(min_size=1, max_size=8), min_size=2, max_size=60), st.text(min_size=1, max_size=8))
def test_more_files_do_not_move_old_ones_to_another_split(names: set[str], other: str):
    chosen = held_out(names, 0.2)
    assert len(chosen) >= 1
    grown = held_out(names | {other}, 0.2)
    # With too few files to fill the share one stands in for it; from two on the choice is final.
    assert len(chosen) == 1 or chosen <= grown <= chosen | {other}


# ---- VoiceBank+DEMAND -----------------------------------------------------------------------------------------------


@pytest.fixture
def voicebank(tmp_path: Path) -> Path:
    root = tmp_path / "VoiceBank"
    how = {"rate_hz": 48000}
    for version, speakers in (("28", ("p226", "p287", "p228")), ("56", ("p234", "p236", "p238", "p241"))):
        for speaker in speakers:
            for number in (1, 2):
                name = f"{speaker}_{number:03}"
                folders = {kind: f"{kind}_trainset_{version}spk_wav" for kind in ("noisy", "clean")}
                put_pair(root, name, 0.5, **folders, **how)
    for name in ("p232_001", "p232_002", "p257_001"):
        put_pair(root, name, 0.5, noisy="noisy_testset_wav", clean="clean_testset_wav", **how)
    (root / "log_testset.txt").write_text("p232_001 bus 2.5\np232_002 cafe 17.5\r\n\nbroken\n p257_001 psquare 7.5 \n")
    (root / "log_trainset_28spk.txt").write_text("p226_001 ssn 0\np226_002 babble 15\n")
    return root


def test_voicebank_is_recognised_and_tagged(voicebank: Path):
    assert kind_of(voicebank) == "voicebank"
    found = open_test_set(voicebank)
    tags = {one.name: dict(one.tags) for one in found.items}
    assert tags["p232_001"] == {"voice": "p232", "language": "en", "snr_db": 2.5, "noise": "bus"}
    assert tags["p232_002"]["snr_db"] == 17.5
    assert tags["p257_001"]["noise"] == "psquare"
    assert not found.rejected


def test_voicebank_validates_with_two_speakers_that_do_not_train(voicebank: Path):
    train, valid = (open_sources(voicebank, split=split) for split in ("train", "valid"))
    assert isinstance(train, Pairs)
    assert {one.path.stem for one in train.noisy.recordings} == {"p228_001", "p228_002"}
    assert {one.path.stem for one in valid.clean.recordings} == {"p226_001", "p226_002", "p287_001", "p287_002"}
    assert open_test_set(voicebank, split="valid").items[0].tags["noise"] == "ssn"


def test_voicebank_reads_48_khz_as_16(voicebank: Path):
    sources = open_sources(voicebank)
    assert sources.noisy.length(0) == 8000
    assert len(sources.noisy.part(0, 0, 8000)) == 8000
    clean = sources.clean.part(0, 0, 8000)
    # The noise of 0.02 fills 24 kHz; a third of its power lies below 8 kHz.
    noise = sources.noisy.part(0, 0, 8000) - clean
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(0.02 / np.sqrt(3), rel=0.1)


def test_the_larger_voicebank_is_there_by_name(voicebank: Path):
    larger = open_sources(voicebank, kind="voicebank-56spk")
    assert {one.path.stem for one in larger.noisy.recordings} == {"p234_001", "p234_002", "p236_001", "p236_002"}
    shutil.rmtree(voicebank / "clean_trainset_28spk_wav")
    assert len(open_sources(voicebank).noisy) == 4


def test_voicebank_lists_what_is_unpaired_or_broken(voicebank: Path):
    (voicebank / "clean_testset_wav" / "p232_001.wav").unlink()
    put(voicebank / "noisy_testset_wav" / "p232_002.wav", tone(0.4, rate_hz=48000), rate_hz=48000)
    found = open_test_set(voicebank)
    assert [one.name for one in found.items] == ["p257_001"]
    why = reasons(found.rejected)
    assert "no partner in clean_testset_wav" in why["p232_001.wav"]
    assert "samples long" in why["p232_002.wav"]
    (voicebank / "clean_testset_wav").rename(voicebank / "elsewhere")
    with pytest.raises(SlimseError, match=r"no test recordings.*train, valid"):
        open_test_set(voicebank)


def test_voicebank_folders_within_folders_and_other_spellings(voicebank: Path):
    nested = voicebank / "clean_testset_wav" / "clean_testset_wav"
    nested.mkdir()
    for path in list((voicebank / "clean_testset_wav").glob("*.wav")):
        path.rename(nested / path.name)
    (voicebank / "noisy_testset_wav").rename(voicebank / "Noisy_Testset_wav_16k")
    assert len(open_test_set(voicebank).items) == 3


@given(st.text(max_size=200))
@HOSTILE
def test_no_log_of_voicebank_is_fatal(tmp_path: Path, text: str):
    root = tmp_path / "log"
    for folder in ("noisy_testset_wav", "clean_testset_wav"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / "p232_001.wav").touch()
    (root / "log_testset.txt").write_text(text + "\np232_001 bus 2.5\n", encoding="utf-8")
    pair = VOICEBANK.listing(root, "test").pairs[0]
    assert set(pair.tags) <= {"voice", "language", "noise", "snr_db"}


# ---- DNS Challenge --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clean", "noise"),
    [
        ("clean", "noise"),
        ("datasets/clean", "datasets/noise"),
        ("datasets_fullband/clean_fullband", "datasets_fullband/noise_fullband"),
    ],
)
def test_dns_folders_are_searched_to_the_bottom(tmp_path: Path, clean: str, noise: str):
    for number in range(6):
        put(tmp_path / clean / f"read/book{number % 2}/{number}.wav", tone(1.0), rate_hz=RATE_HZ)
        put(tmp_path / noise / f"{number}.flac", tone(1.0), rate_hz=RATE_HZ)
    for name in put_broken(tmp_path / noise / "bad"):
        assert name
    train, valid = (open_sources(tmp_path, split=split) for split in ("train", "valid"))
    assert isinstance(train, SpeechAndNoise)
    assert train.kind == "dns"
    assert len(train.speech) + len(valid.speech) == 6
    assert len(valid.speech) == 1
    assert len(train.rejected) + len(valid.rejected) >= 5  # the rest shows when it is read
    assert "h of speech in 5 files" in train.describe()
    listed = {one.path for split in check(tmp_path).splits for one in split.rejected}
    assert len(listed) == 8


def test_dns_test_set_pairs_by_file_number(tmp_path: Path):
    room = tmp_path / "datasets" / "test_set" / "synthetic" / "no_reverb"
    for number, ratio in ((0, 15), (12, -3)):
        put(room / "noisy" / f"clnsp{number}_snr{ratio}_tl-21_fileid_{number}.wav", tone(1.0))
        put(room / "clean" / f"clean_fileid_{number}.wav", tone(1.0))
    put(room / "noisy" / "x_snr3_fileid_99.wav", tone(1.0))
    found = open_test_set(tmp_path)
    assert sorted(one.tags["snr_db"] for one in found.items) == [-3.0, 15.0]
    assert {(one.noisy.stem[-3:], one.clean.stem[-3:]) for one in found.items} == {("d_0", "d_0"), ("_12", "_12")}
    assert {one.tags["room"] for one in found.items} == {"synthetic/no_reverb"}
    assert "no partner" in reasons(found.rejected)["x_snr3_fileid_99.wav"]
    with pytest.raises(SlimseError, match="no train recordings"):
        open_sources(tmp_path)


# ---- folders named in a file ----------------------------------------------------------------------------------------


def test_any_folders_can_be_named_in_a_file(tmp_path: Path):
    put_pair(tmp_path / "x", "a", noisy="degraded", clean="reference")
    for folder in ("s1", "s2", "n"):
        put(tmp_path / folder / "a.wav", tone(1.0))
    description = tmp_path / "set.toml"
    description.write_text(
        textwrap.dedent(f"""
        [train]
        speech = ["s1", "s2"]
        noise = "n"
        [test]
        noisy = "x/degraded"
        clean = "{(tmp_path / "x" / "reference").as_posix()}"
        """)
    )
    assert kind_of(description) == "folders"
    assert len(open_sources(description).speech) == 2
    assert [one.name for one in open_test_set(description).items] == ["a"]
    with pytest.raises(SlimseError, match=r"no valid recordings.*train, test"):
        open_sources(description, split="valid")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("speech = 3", "entry speech"),
        ("[train]\nspeech = 'a'", "either noisy and clean, or speech and noise"),
        ("[train]\nspeech = 'a'\nnoise = 'b'\nnoisy = 'c'", "either noisy and clean"),
        ("[train]\nclean = 'a'", "either noisy and clean"),
        ("[train]\nspeach = 'a'", "unknown key speach"),
        ("[train]\nspeech = 3\nnoise = 'b'", "train.speech is no folder"),
        ("[test]\nnoisy = ['a', 'b']\nclean = 'c'", "one folder each"),
        ("[holdout]\nspeech = 'a'", "entry holdout"),
        ("[train]\nspeech = 'a'\nnoise = 'missing'", "There is no folder"),
        ("[train", "cannot be read as toml"),
    ],
)
def test_a_wrong_description_is_one_sentence(tmp_path: Path, text: str, says: str):
    (tmp_path / "a").mkdir()
    (tmp_path / "set.toml").write_text(text)
    with pytest.raises(SlimseError, match=says):
        open_sources(tmp_path / "set.toml")


# ---- all layouts ----------------------------------------------------------------------------------------------------


def test_unknown_ambiguous_and_missing_sets_say_what_was_expected(tmp_path: Path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(SlimseError) as error:
        open_sources(tmp_path / "nothing")
    assert all(f"{kind}:" in str(error.value) for kind in kinds())
    with pytest.raises(SlimseError, match="no data set"):
        open_sources(tmp_path / "missing")
    with pytest.raises(SlimseError, match="no kind of data set wave"):
        open_sources(tmp_path, kind="wave")
    put_pair(tmp_path / "both", "p232_001")
    put_pair(tmp_path / "both", "p232_001", noisy="noisy_testset_wav", clean="clean_testset_wav")
    with pytest.raises(SlimseError, match="--kind"):
        open_test_set(tmp_path / "both")
    assert open_test_set(tmp_path / "both", kind="pairs").kind == "pairs"


def test_a_set_without_a_usable_file_names_one_and_the_command_that_lists_all(tmp_path: Path):
    put(tmp_path / "noise" / "a.wav", tone(1.0))
    put(tmp_path / "clean" / "a.wav", tone(0.1))
    with pytest.raises(SlimseError, match=r"a\.wav, which is too short.*slimse data check"):
        open_sources(tmp_path)


def test_the_fingerprint_tells_files_apart_and_not_places(tmp_path: Path):
    put_pair(tmp_path / "one", "a")
    put_pair(tmp_path / "one", "b")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    first = open_sources(tmp_path / "one").fingerprint
    assert first == open_sources(tmp_path / "two").fingerprint
    put_pair(tmp_path / "two", "c")
    second = open_sources(tmp_path / "two").fingerprint
    assert first != second
    for name in "abc":
        put_pair(tmp_path / "two", name, 1.5)
    assert open_sources(tmp_path / "two").fingerprint not in (first, second)


def test_sources_travel_to_other_processes(tmp_path: Path):
    put_pair(tmp_path, "a")
    put_pair(tmp_path, "b")
    sources = open_sources(tmp_path)
    part = sources.noisy.part(0, 0, 100)
    again = pickle.loads(pickle.dumps(sources))
    np.testing.assert_array_equal(again.noisy.part(0, 0, 100), part)
    assert again.fingerprint == sources.fingerprint


def test_check_counts_and_lists(tmp_path: Path):
    put_pair(tmp_path, "a", 1.5)
    stereo = np.stack([tone(1.0, rate_hz=44100)] * 2, 1)
    for folder in ("noisy", "clean"):
        put(tmp_path / folder / "b.wav", stereo, rate_hz=44100)
    put(tmp_path / "noisy" / "alone.wav", tone(1.0))
    findings = check(tmp_path)
    test = next(split for split in findings.splits if split.name == "test")
    assert test.parts["noisy"].files == 2
    assert test.parts["noisy"].seconds == pytest.approx(2.5)
    assert test.parts["noisy"].rates_hz == {16000: 1, 44100: 1}
    assert test.parts["noisy"].mixed_down == 1
    assert "alone.wav" in reasons(test.rejected)


def test_a_folder_that_cannot_be_entered_is_an_error_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put_pair(tmp_path, "deep/b")
    scandir = os.scandir

    def refuse(path: str):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SlimseError, match="deep cannot be read"):
        open_test_set(tmp_path)


def test_a_pair_of_different_rates_is_compared_in_time(tmp_path: Path):
    put(tmp_path / "noisy" / "a.wav", tone(1.0, rate_hz=48000), rate_hz=48000)
    put(tmp_path / "clean" / "a.wav", tone(1.0))
    assert len(open_test_set(tmp_path).items) == 1
    soundfile.write(tmp_path / "clean" / "a.wav", tone(1.01), RATE_HZ)
    with pytest.raises(SlimseError, match="samples long"):
        open_test_set(tmp_path)
