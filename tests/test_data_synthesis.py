"""The synthetic corpus: what is in it, that it comes out the same, that work can be interrupted; rooms and noises."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_trees import RATE_HZ, needs_engines, put, smoke_corpus, tone
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pyroomacoustics")
pytest.importorskip("scipy")

from slimse_mcu.cli import run
from slimse_mcu.data import Mixer, Mixing, active_rms, noises, open_sources, open_test_set
from slimse_mcu.data.check import check
from slimse_mcu.data.engines import Engine, Manner, engines, usable
from slimse_mcu.data.languages import languages
from slimse_mcu.data.recipe import PRESETS, RATIOS_DB, SPLITS, recipes
from slimse_mcu.data.rooms import draw_room, impulse_response, in_room
from slimse_mcu.data.synthesis import synthesize
from slimse_mcu.errors import SlimseError

TWO = ("espeak-ng", "flite")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    return smoke_corpus(tmp_path_factory)


@pytest.fixture
def copy(corpus: Path, tmp_path: Path) -> Path:
    """A corpus of one's own, to spoil."""
    return Path(shutil.copytree(corpus, tmp_path / "corpus"))


# ---- the corpus -----------------------------------------------------------------------------------------------------


@needs_engines
def test_the_corpus_is_as_described_and_whole(corpus: Path):
    facts = json.loads((corpus / "corpus.json").read_text())
    assert facts["seed"] == 1
    assert set(facts["engines"]) == set(TWO)
    assert all(facts["engines"].values())
    assert {path.parent.relative_to(corpus).as_posix() for path in corpus.rglob("*.flac")} == {
        "train/clean", "train/noise", "valid/clean", "valid/noisy", "test/clean", "test/noisy",
    }  # fmt: skip
    assert not list(corpus.rglob(".*"))
    for path in corpus.rglob("*.flac"):
        header = soundfile.info(path)
        assert (header.samplerate, header.channels, header.subtype) == (RATE_HZ, 1, "PCM_16")
    findings = check(corpus)
    assert findings.kind == "synthetic"
    assert not findings.damage
    assert not any(split.rejected for split in findings.splits)
    assert facts["counts"] == {"train/clean": 6, "train/noise": 8, "valid/pair": 7, "test/pair": 7}


@needs_engines
def test_training_files_have_their_level_and_length(corpus: Path):
    for path in (corpus / "train" / "clean").iterdir():
        audio, _ = soundfile.read(path)
        assert 10 * RATE_HZ <= len(audio) <= 20 * RATE_HZ
        assert 20 * np.log10(active_rms(audio)) == pytest.approx(-26, abs=0.2)
    mixture = Mixer(open_sources(corpus), Mixing(), seconds=4.0, seed=1).mixture(3)
    assert len(mixture.speech) == 4 * RATE_HZ


@needs_engines
@pytest.mark.parametrize("split", ["valid", "test"])
def test_pairs_have_the_ratio_of_the_index_and_pauses(corpus: Path, split: str):
    found = open_test_set(corpus, split=split)
    assert sorted(one.tags["snr_db"] for one in found.items) == sorted([*RATIOS_DB, 60.0])
    for one in found.items:
        assert {"noise", "voice", "language", "room"} <= one.tags.keys()
        noisy, clean = (soundfile.read(path)[0] for path in (one.noisy, one.clean))
        assert 4 * RATE_HZ <= len(noisy) == len(clean) <= 8 * RATE_HZ
        assert np.max(np.abs(noisy)) < 1.0
        assert not clean[: RATE_HZ // 2 - RATE_HZ // 50].any()  # at least half a second before the first word
        noise = noisy - clean
        ratio_db = 20 * np.log10(active_rms(clean) / np.sqrt(np.mean(noise**2)))
        # At 60 dB 16 bits are a part of the noise.
        assert ratio_db == pytest.approx(one.tags["snr_db"], abs=0.1 if one.tags["snr_db"] < 60 else 12)


@needs_engines
def test_what_was_interrupted_goes_on_to_the_same_bytes_with_several_processes(copy: Path):
    facts = json.loads((copy / "corpus.json").read_text())
    (copy / "corpus.json").unlink()
    unfinished = {key: facts[key] for key in facts if key not in ("counts", "sha256")}
    (copy / ".unfinished.json").write_text(json.dumps(unfinished))
    for path in [*sorted(copy.rglob("*.flac"))[::4], copy / "test" / "index.csv"]:
        path.unlink()
    with pytest.raises(SlimseError, match=r"not finished.*slimse data synth"):
        open_sources(copy)
    with pytest.raises(SlimseError, match="not finished"):
        check(copy)
    (copy / "train" / "clean" / ".00001.flac.123.part").write_bytes(b"half")
    again = synthesize(copy, preset="smoke", engine_names=TWO, jobs=2)
    assert again.fresh
    assert again.facts == facts
    assert not synthesize(copy, preset="smoke", engine_names=TWO).fresh
    assert not list(copy.rglob(".*"))


@needs_engines
def test_a_changed_corpus_is_noticed(copy: Path):
    path = next((copy / "train" / "noise").iterdir())
    soundfile.write(path, 0.5 * soundfile.read(path)[0], RATE_HZ)
    assert "another SHA-256" in check(copy).damage[0].reason


@needs_engines
@pytest.mark.parametrize("text", ["", "name\n1\n", 'name,snr_db\n"', "name,snr_db,noise\ntest0000,loud,x\n", "\0"])
def test_a_damaged_index_costs_the_tags_only(copy: Path, text: str):
    (copy / "test" / "index.csv").write_text(text)
    found = open_test_set(copy)
    assert len(found.items) == 7
    assert not found.items[0].tags


@needs_engines
@pytest.mark.parametrize("how", [{"preset": "small"}, {"seed": 2}, {"engine_names": ("espeak-ng",)}])
def test_another_corpus_is_not_overwritten(corpus: Path, how: dict):
    with pytest.raises(SlimseError, match=r"is a corpus with another (preset|seed|engines).*new folder"):
        synthesize(corpus, **{"preset": "smoke", "engine_names": TWO, **how})


@needs_engines
def test_a_folder_of_something_else_is_refused(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SlimseError, match="no corpus"):
        synthesize(tmp_path, preset="smoke", engine_names=TWO)
    with pytest.raises(SlimseError, match="is a file"):
        synthesize(tmp_path / "thesis.txt", preset="smoke", engine_names=TWO)
    (tmp_path / "thesis.txt").rename(tmp_path / ".unfinished.json")
    with pytest.raises(SlimseError, match="damaged"):
        synthesize(tmp_path, preset="smoke", engine_names=TWO)


@needs_engines
def test_an_engine_that_fails_leaves_no_half_written_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spoken = []
    original = Engine.run

    def fail_later(self, command, *args, **kwargs):
        spoken.append(command)
        return original(self, ["false"] if len(spoken) > 20 else command, *args, **kwargs)

    monkeypatch.setattr(Engine, "run", fail_later)
    with pytest.raises(SlimseError, match=r"(espeak-ng|flite) failed"):
        synthesize(tmp_path / "x", preset="smoke", engine_names=TWO)
    assert not (tmp_path / "x" / "corpus.json").exists()
    assert not list((tmp_path / "x").rglob("*.part"))
    assert all(soundfile.info(path).frames for path in (tmp_path / "x").rglob("*.flac"))


def test_missing_engines_are_named_with_their_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(engines()["flite"]), "lacks", lambda self: ())
    monkeypatch.setattr(type(engines()["espeak-ng"]), "lacks", lambda self: ("espeak-ng",))
    monkeypatch.setattr(type(engines()["festival"]), "lacks", lambda self: ("festvox-kdlpc16k",))
    with pytest.raises(SlimseError) as error:
        synthesize(tmp_path / "x", preset="smoke")
    for part in ("espeak-ng and festival", "espeak-ng festvox-kdlpc16k", "--engines flite"):
        assert part in str(error.value)
    assert not (tmp_path / "x").exists()
    with pytest.raises(SlimseError, match=r"no speech engine mary.*espeak-ng, festival, flite"):
        usable(["mary"])


def test_without_any_program_the_engines_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert {name: engine.lacks()[0] for name, engine in engines().items()} == {
        "espeak-ng": "espeak-ng", "flite": "flite", "festival": "festival",
    }  # fmt: skip


# ---- recipes --------------------------------------------------------------------------------------------------------


def test_splits_share_no_speaker_and_no_template_of_a_sentence():
    speakers = {
        split: {voice.speaker for engine in engines().values() for voice in engine.voices if voice.split == split}
        for split in SPLITS
    }
    assert all(speakers.values())
    assert not speakers["train"] & speakers["valid"]
    assert not speakers["train"] & speakers["test"]
    assert not speakers["valid"] & speakers["test"]
    for language in languages().values():
        rng = np.random.default_rng(1)
        said = {split: {language.sentence(split, rng) for _ in range(3000)} for split in SPLITS}
        assert not said["train"] & said["valid"]
        assert not said["train"] & said["test"]
        assert not said["valid"] & said["test"]
        assert not [text for texts in said.values() for text in texts if re.search(r"[{}]", text)]


def test_every_language_has_all_splits_and_a_voice():
    spoken = {(voice.language, voice.split) for engine in engines().values() for voice in engine.voices}
    assert {(code, split) for code in languages() for split in SPLITS} <= spoken
    assert {"en", "de", "fr", "es", "it", "pt", "nl", "pl"} <= languages().keys()


def test_the_full_recipe_is_large_and_balanced():
    planned = recipes(PRESETS["full"], 1, list(engines().values()))
    speech = [one for one in planned if one.role == "clean"]
    assert len(speech) * 15 / 3600 == pytest.approx(8.0)
    assert sum(one.seconds for one in planned) / 3600 == pytest.approx(2.0)
    tests = Counter((one.snr_db, one.noise.kind) for one in planned if one.role == "pair" and one.split == "test")
    for ratio in RATIOS_DB:
        assert {tests[ratio, kind] for kind in noises.kinds()} == {5}
    assert sum(count for (ratio, _), count in tests.items() if ratio == 60.0) == 20
    by_language = Counter(one.talk.voice.language for one in speech)
    assert by_language.most_common(1)[0][0] == "en"
    assert min(by_language.values()) > 30
    assert 0.35 < np.mean([one.talk.voice.high for one in speech]) < 0.55
    assert len({one.name for one in planned if one.role != "pair"}) == sum(one.role != "pair" for one in planned)


def test_recipes_depend_on_the_seed_and_on_no_other_file():
    some = list(engines().values())
    first, second = (recipes(PRESETS["smoke"], seed, some) for seed in (1, 2))
    assert first == recipes(PRESETS["smoke"], 1, some)
    assert [one.talk for one in first] != [one.talk for one in second]
    larger = {(one.split, one.role, one.number): one.talk for one in recipes(PRESETS["small"], 1, some)}
    assert all(larger[one.split, one.role, one.number] == one.talk for one in first if one.role == "clean")


def test_engines_without_a_voice_for_a_split_cannot_make_a_corpus():
    with pytest.raises(SlimseError, match=r"flite have no voice for the valid split.*espeak-ng"):
        recipes(PRESETS["smoke"], 1, [engines()["flite"]])


# ---- engines --------------------------------------------------------------------------------------------------------


def _pitch_hz(audio: np.ndarray, rate_hz: int) -> float:
    """Median fundamental of the voiced frames."""
    size, found = rate_hz // 25, []
    for start in range(0, len(audio) - size, size):
        frame = audio[start : start + size]
        if np.mean(frame**2) > 0.1 * np.mean(audio**2):
            correlation = np.correlate(frame, frame, "full")[size - 1 :]
            lag = rate_hz // 400 + int(np.argmax(correlation[rate_hz // 400 : rate_hz // 60]))
            if correlation[lag] > 0.5 * correlation[0]:
                found.append(rate_hz / lag)
    return float(np.median(found))


@pytest.mark.parametrize(
    ("name", "voice", "changes_pitch"),
    [
        ("espeak-ng", "en-us+m1", True),
        ("flite", "kal16", True),
        ("festival", "kal_diphone", True),
        ("festival", "cmu_us_slt_arctic_hts", False),
    ],
)
def test_rate_and_pitch_change_what_is_spoken(name: str, voice: str, changes_pitch: bool):
    engine = engines()[name]
    if engine.lacks():
        pytest.skip(f"{name} is missing")
    who = next(one for one in engine.voices if one.name == voice)
    text = "Nobody measured the wooden chair."
    usual, fast, high = (
        engine.speak(who, manner, [text])[0] for manner in (Manner(1, 1), Manner(1.25, 1), Manner(1, 1.25))
    )
    assert len(fast.samples) / len(usual.samples) == pytest.approx(0.8, abs=0.06)
    assert np.max(np.abs(usual.samples)) < 1.0
    again = engine.speak(who, Manner(1, 1), [text, text])
    np.testing.assert_array_equal(again[1].samples, usual.samples)
    if changes_pitch:
        assert _pitch_hz(high.samples, high.rate_hz) > 1.1 * _pitch_hz(usual.samples, usual.rate_hz)


def test_text_is_data_for_every_engine(tmp_path: Path):
    hostile = f'"); (system "touch {tmp_path}/owned") ; \\" $(touch {tmp_path}/owned) -w {tmp_path}/owned'
    for engine in engines().values():
        if not engine.lacks():
            engine.speak(next(one for one in engine.voices if one.language == "en"), Manner(1, 1), [hostile])
    assert not list(tmp_path.iterdir())


# ---- rooms and noises -----------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
@settings(max_examples=50)
def test_talker_and_microphone_are_inside_the_room(seed: int):
    room = draw_room(np.random.default_rng(seed))
    assert room == draw_room(np.random.default_rng(seed))
    for point in (room.source_m, room.microphone_m):
        assert all(0.3 < value < size - 0.3 for value, size in zip(point, room.size_m, strict=True))
    assert 0.29 < np.linalg.norm(np.subtract(room.source_m, room.microphone_m)) < 2.01
    assert 0.1 < room.rt60_s <= 0.6


def test_a_room_rings_as_long_as_it_says_and_the_direct_sound_comes_first():
    for seed in range(4):
        room = draw_room(np.random.default_rng(seed))
        response = impulse_response(room)
        np.testing.assert_array_equal(response, impulse_response(room))
        assert np.argmax(np.abs(response)) <= RATE_HZ // 1000
        energy = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]
        decay_db = 10 * np.log10(energy / energy[0] + 1e-12)
        from_5, to_25 = (int(np.argmax(decay_db < level)) for level in (-5, -25))
        assert 3 * (to_25 - from_5) / RATE_HZ == pytest.approx(room.rt60_s, rel=0.5)
    click = np.zeros(8000, np.float32)
    click[100] = 1.0
    np.testing.assert_allclose(in_room(click, response)[100 : 100 + 200], response[:200], atol=1e-5)


@pytest.mark.parametrize("kind", sorted(noises.kinds()))
def test_noise_is_seeded_finite_of_one_level_and_not_silent_for_long(kind: str):
    voices = [np.random.default_rng(i).normal(0, 0.05, 20000).astype(np.float32) for i in range(3)]
    one, same, other = (noises.make_noise(kind, 64000, voices, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.dtype == np.float32
    assert one.shape == (64000,)
    assert np.isfinite(one).all()
    assert np.sqrt(np.mean(np.square(one))) == pytest.approx(1.0, rel=1e-3)
    assert np.min(np.sqrt(np.mean(np.square(one.reshape(-1, 8000)), axis=1))) > 1e-4


def test_all_kinds_of_the_issue_are_there():
    assert set(noises.kinds()) == {
        "babble", "coloured", "engine", "hum", "impulsive", "modulated", "music", "wind",
    }  # fmt: skip


# ---- the command ----------------------------------------------------------------------------------------------------


@needs_engines
def test_the_command_makes_and_checks(corpus: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["data", "synth", str(corpus), "--preset", "smoke", "--engines", "espeak-ng, flite"]) == 0
    assert "complete already" in capsys.readouterr().out
    assert run(["data", "check", str(corpus)]) == 0
    out = capsys.readouterr().out
    assert "a synthetic corpus" in out
    assert "Nothing is left out." in out
    assert run(["data", "check", str(corpus), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["kind"] == "synthetic"
    assert said["splits"]["test"]["parts"]["clean"]["files"] == 7
    with (corpus / "test" / "index.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 7


def test_mixtures_of_separate_folders_become_a_set_to_evaluate_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for number in range(4):
        put(tmp_path / "dns" / "clean" / f"{number}.wav", tone(2.0))
        put(tmp_path / "dns" / "noise" / f"{number}.wav", tone(2.0, 3000.0))
    command = ["data", "mix", str(tmp_path / "dns"), str(tmp_path / "out"), "--split", "train"]
    assert run([*command, "--count", "3", "--seconds", "1", "--snr", "4", "4"]) == 0
    found = open_test_set(tmp_path / "out")
    assert [(one.name, one.tags["snr_db"]) for one in found.items] == [(f"mixed000{n}", 4.0) for n in range(3)]
    for one in found.items:
        noisy, clean = (soundfile.read(path)[0] for path in (one.noisy, one.clean))
        assert len(noisy) == RATE_HZ
        ratio_db = 20 * np.log10(active_rms(clean) / np.sqrt(np.mean((noisy - clean) ** 2)))
        assert ratio_db == pytest.approx(4.0, abs=0.1)
    assert run(command) == 2
    assert "exists already" in capsys.readouterr().err
    put(tmp_path / "bad" / "clean" / "0.wav", np.zeros(2 * RATE_HZ))
    put(tmp_path / "bad" / "noise" / "0.wav", tone(2.0))
    assert run(["data", "mix", str(tmp_path / "bad"), str(tmp_path / "x"), "--split", "train"]) == 2
    assert not list(tmp_path.glob("*x*"))


def test_the_command_says_in_a_line_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for arguments in (
        ["data", "check", str(tmp_path / "missing")],
        ["data", "check", str(tmp_path)],
        ["data", "check", str(tmp_path), "--kind", "x"],
        ["data", "synth", str(tmp_path / "y"), "--engines", "nobody"],
        ["data", "synth", str(tmp_path / "y"), "--jobs", "0"],
    ):
        assert run(arguments) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ")
        assert said.count("\n") == 1
    assert not (tmp_path / "y").exists()


def test_check_lists_what_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for folder in ("noisy", "clean"):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "a.wav", np.ones(8000) * 0.1, RATE_HZ)
    (tmp_path / "noisy" / "b.wav").write_bytes(b"x")
    assert run(["data", "check", str(tmp_path)]) == 0
    assert "b.wav: has no partner in clean" in capsys.readouterr().out
