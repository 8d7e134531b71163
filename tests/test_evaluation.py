"""``slimse evaluate``: what it says is what single parts say, whatever the number of jobs and interruptions."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from conftest import DATA, needs_arm, needs_qemu

from slimse_mcu import cli, compile_model
from slimse_mcu.board import board
from slimse_mcu.data.audio_files import Rejected
from slimse_mcu.data.sources import Item, TestSet
from slimse_mcu.decisions import Decisions
from slimse_mcu.errors import ModelError, SlimseError
from slimse_mcu.evaluation import evaluate as evaluating
from slimse_mcu.evaluation import outputs, signals, tables
from slimse_mcu.evaluation.activity import frame_kinds
from slimse_mcu.evaluation.evaluate import Evaluation, Settings, Subject, evaluate
from slimse_mcu.evaluation.markdown import markdown, table_text
from slimse_mcu.evaluation.pictures import pictures
from slimse_mcu.evaluation.signals import Asked, Job, Runner
from slimse_mcu.evaluation.tables import Table
from slimse_mcu.fidelity import Comparison
from slimse_mcu.frontend import float_analyse, float_synthesise
from slimse_mcu.harness import quality
from slimse_mcu.harness.audio import read_pairs
from slimse_mcu.streaming import run_float
from slimse_mcu.twin import Twin

RATE = 16000
SECONDS = 1.5
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
FAST = Settings(opinion=False)


def clip(name: str, role: str, seconds: float = SECONDS) -> np.ndarray:
    samples, _ = soundfile.read(DATA / role / f"{name}.wav", dtype="int16", frames=int(seconds * RATE))
    return samples


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Four pairs in ``noisy`` and ``clean``, the last one clean speech with a silent beginning."""
    made = tmp_path_factory.mktemp("set")
    for number in range(1, 5):
        noisy, clean = (clip(f"clip{number:02d}", role) for role in ("noisy", "clean"))
        if number == 4:
            clean[: RATE // 2] = 0
            noisy = clean
        for role, samples in (("noisy", noisy), ("clean", clean)):
            (made / role).mkdir(exist_ok=True)
            soundfile.write(made / role / f"clip{number:02d}.wav", samples, RATE, subtype="PCM_16")
    return made


@pytest.fixture(scope="module")
def test_set(folder) -> TestSet:
    """The four pairs, with tags."""
    tags = [
        {"snr_db": 0.0, "noise": "hum", "language": "en"},
        {"snr_db": 0.0, "noise": "babble", "language": "en"},
        {"snr_db": 5.0, "noise": "hum", "language": "de"},
        {"snr_db": 60.0, "noise": "=1+1", "language": "de"},
    ]
    items = tuple(
        Item(
            f"clip{number:02d}",
            folder / "noisy" / f"clip{number:02d}.wav",
            folder / "clean" / f"clip{number:02d}.wav",
            one,
        )
        for number, one in enumerate(tags, 1)
    )
    return TestSet(items, (Rejected(Path("far/away/broken.wav"), "is empty"),), "pairs")


@pytest.fixture(scope="module")
def subjects(tiny_compiled) -> list[Subject]:
    """The tiny model twice: as it is, and with calibration that it was not made for."""
    other = compile_model(DATA / "tiny.keras", calibration=DATA / "noisy" / "clip05.wav")
    return [Subject("tiny", tiny_compiled), Subject("other|", other)]


@pytest.fixture(scope="module")
def evaluated(subjects, test_set, tmp_path_factory) -> tuple[Evaluation, Path]:
    """Both models, by two workers; and the cache."""
    cache = tmp_path_factory.mktemp("records")
    return evaluate(subjects, test_set, replace(FAST, jobs=2, baseline="tiny"), cache=cache), cache


def texts(evaluation: Evaluation) -> list[str | bytes]:
    """Everything that is written."""
    pngs = pictures(evaluation)
    return [outputs.json_text(evaluation), outputs.csv_text(evaluation), markdown(evaluation), *pngs.values()]


# ---- one recording --------------------------------------------------------------------------------------


@needs_gcc
def test_a_recording_s_records_are_what_the_twins_say(tiny_compiled, build_tiny, folder) -> None:
    """Against the path that ``slimse measure`` takes: the NumPy specification and the float model in one."""
    pair = read_pairs(folder / "noisy" / "clip01.wav", folder / "clean" / "clip01.wav", RATE)[0]
    host = signals.Target(board("host"), build_tiny("host"))
    with Runner(Job(tiny_compiled.quantized, host, host)) as runner:
        wanted = ("float", "float_int8_gates", "int8", "board")
        found = runner.records(pair, Asked(False, -60.0), wanted, {})
    twin = Twin.of(tiny_compiled.quantized)
    run, sounds = twin.compare(twin.frames(pair), Comparison(tiny_compiled.quantized))
    samples = len(pair.clean.samples)
    wanted = {"int8": run.output.reshape(-1)[256:][:samples], "float": sounds["float"][256:][:samples]}
    for signal, audio in wanted.items():
        assert found[signal].scores == quality.score(pair.clean.samples, audio, RATE, opinion=False)
    frames = len(run.macs) - 1
    total = found["int8"].total
    assert (total.frames, total.macs) == (frames, int(run.macs[:-1].sum()))
    bits = Decisions.of(tiny_compiled.graph).unpack(run.gates[:-1])
    assert total.opened == {name: int(one.sum()) for name, one in bits.items()}
    kinds = frame_kinds(pair.noisy.samples, pair.clean.samples, 256)
    assert {kind: one.frames for kind, one in found["int8"].work.items()} == {
        kind: int(one.sum()) for kind, one in kinds.items() if one.any()
    }
    for kind, one in found["int8"].work.items():
        assert one.macs == int(run.macs[:-1][kinds[kind]].sum())
    assert found["board"].scores == found["int8"].scores
    assert found["board"].differing == 0
    features, spectrum = float_analyse(tiny_compiled.graph.frontend, twin.frames(pair).reshape(-1))
    own = run_float(tiny_compiled.graph, features).gates[:-1]
    swapped = run_float(tiny_compiled.graph, features, forced=run.gates)
    sound = float_synthesise(tiny_compiled.graph.frontend, swapped.output, spectrum)[256:][:samples]
    assert found["float_int8_gates"].scores.si_sdr_db == pytest.approx(
        quality.si_sdr_db(pair.clean.samples, sound), abs=0.01
    )
    assert found["float_int8_gates"].work == found["int8"].work
    assert found["int8"].flipped == int(np.unpackbits(own ^ run.gates[:-1]).sum()) > 0
    assert found["float"].total.macs != found["int8"].total.macs or found["float"].scores != found["int8"].scores


@needs_gcc
def test_the_specification_stands_in_where_nothing_compiles_c(tiny_compiled, build_tiny, folder) -> None:
    pair = read_pairs(folder / "noisy" / "clip02.wav", None, RATE)[0]
    found = []
    for host in (signals.Target(board("host"), build_tiny("host")), None):
        with Runner(Job(tiny_compiled.quantized, host, None)) as runner:
            found.append(runner.records(pair, Asked(False, -60.0), ("int8",), {}))
    assert found[0] == found[1]
    assert set(found[0]["int8"].work) <= {"sound", "silence"}


def test_differing_frames_are_counted(tiny_compiled, folder) -> None:
    twin = Twin.of(tiny_compiled.quantized)
    pair = read_pairs(folder / "noisy" / "clip01.wav", None, RATE)[0]
    run = twin.specification(twin.frames(pair)[:6], None, lambda more: None)
    output, gates, macs = run.output.copy(), run.gates.copy(), run.macs.copy()
    output[1, 7] += 1
    gates[3, 0] ^= 1
    macs[3] += 1
    macs[5] -= 1
    assert signals.differing_frames(run, run) == 0
    assert signals.differing_frames(replace(run, output=output, gates=gates, macs=macs), run) == 3


# ---- a set ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_said_does_not_depend_on_jobs_or_interruptions(evaluated, subjects, test_set, tmp_path) -> None:
    """One worker after an interruption in the middle, and two from nothing: the same to the byte."""
    ours = texts(evaluated[0])
    seen = []

    class Interrupted(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        seen.append((stage, done, total))
        if (stage, done) == ("tiny", 2):
            raise Interrupted

    settings = replace(FAST, jobs=1, baseline="tiny")
    with pytest.raises(Interrupted):
        evaluate(subjects, test_set, settings, cache=tmp_path, progress=stop)
    assert seen == [*(("noisy", done, 4) for done in range(5)), *(("tiny", done, 4) for done in range(3))]
    seen.clear()
    again = evaluate(subjects, test_set, settings, cache=tmp_path, progress=lambda *told: seen.append(told))
    assert seen[:2] == [("noisy", 4, 4), ("tiny", 2, 4)], "what is done is not done again"
    theirs = texts(again)
    assert theirs == ours
    assert len(theirs) == 5, "two pictures"


def test_nothing_runs_when_all_is_known(evaluated, subjects, test_set, monkeypatch) -> None:
    first, cache = evaluated
    monkeypatch.setattr(evaluating.Crew, "run", lambda crew, tasks: pytest.fail("runs") if tasks else iter_closing())
    monkeypatch.setattr(evaluating, "build", lambda *arguments: pytest.fail("builds"))
    again = evaluate(subjects, test_set, replace(FAST, jobs=2, baseline="tiny"), cache=cache)
    assert texts(again) == texts(first)
    # Other contents under the same name are another recording; so is the same one with another level of silence.
    for changed in (
        replace(test_set, items=(replace(test_set.items[0], noisy=test_set.items[1].noisy), *test_set.items[1:])),
        test_set,
    ):
        settings = replace(FAST, silence_dbfs=-60.0 if changed is not test_set else -50.0)
        with pytest.raises(pytest.fail.Exception, match="runs"):
            evaluate(subjects, changed, settings, cache=cache)


def iter_closing():
    """No answers, as a generator."""
    yield from ()


def test_means_are_means_of_files(evaluated) -> None:
    found = evaluated[0]
    model = found.models[0]
    rows = list(csv.DictReader(io.StringIO(outputs.csv_text(found))))
    assert len(rows) == 4 * (1 + 2 * 2)
    own = [row for row in rows if row["model"] == "tiny" and row["signal"] == "int8"]
    for metric in ("pesq_wb", "si_sdr_db"):
        assert model.overall.scores["int8"][metric].mean == pytest.approx(np.mean([float(row[metric]) for row in own]))
    frames = np.array([int(row["frames"]) for row in own])
    macs = np.array([float(row["macs"]) for row in own])
    assert model.overall.loads["int8"].macs.mean == pytest.approx((macs * frames).sum() / frames.sum())
    opened = np.array([float(row["open_ratio"]) for row in own])
    assert model.overall.loads["int8"].opened.mean == pytest.approx((opened * frames).sum() / frames.sum())
    assert model.overall.loads["int8"].saved == pytest.approx(
        1 - model.overall.loads["int8"].macs.mean / model.facts.macs_all_open
    )
    assert model.facts.channels == {"s0b0_gate": 32, "s0b1_gate": 32} or sum(model.facts.channels.values()) == 64
    groups = model.by["snr"]
    assert [(one.name, one.files) for one in groups] == [("0 dB", 2), ("5 dB", 1), ("clean", 1)] or [
        one.name for one in groups
    ] == ["0 to 5 dB", "5 to 10 dB", "clean"]
    assert [one.name for one in model.by["noise"]] == ["=1+1", "babble", "hum"]
    assert sum(one.frames for one in model.situations.values()) == frames.sum()
    assert model.situations["silence"].frames > 20
    assert model.situations["clean speech"].frames > 20
    assert model.silence_ratio == pytest.approx(
        model.situations["silence"].macs.mean / model.situations["speech in noise"].macs.mean
    )
    assert [row["noise"] for row in own] == ["hum", "babble", "hum", "'=1+1"], "no formula in a spreadsheet"


def test_differences_are_paired(evaluated) -> None:
    found = evaluated[0]
    one = found.comparisons[0]
    assert (one.model, one.baseline, one.files) == ("other|", "tiny", 4)
    values = {
        label: [recording.models[label]["int8"].scores.si_sdr_db for recording in found.recordings]
        for label in ("tiny", "other|")
    }
    gaps = np.array(values["other|"]) - np.array(values["tiny"])
    difference = one.scores["int8"]["si_sdr_db"]
    assert difference.mean == pytest.approx(gaps.mean())
    assert gaps.min() <= difference.low <= difference.mean <= difference.high <= gaps.max()
    assert difference.relative == pytest.approx(gaps.mean() / np.mean(values["tiny"]))
    loads = {model.label: model.overall.loads["int8"].macs.mean for model in found.models}
    assert one.macs.mean == pytest.approx(loads["other|"] - loads["tiny"])
    cost = found.models[0].costs["int8"]["pesq_wb"]
    scores = found.models[0].overall.scores
    assert cost.mean == pytest.approx(scores["int8"]["pesq_wb"].mean - scores["float"]["pesq_wb"].mean)


def test_bad_recordings_are_named_and_cost_nothing_else(
    tiny_compiled, test_set, evaluated, tmp_path, monkeypatch
) -> None:
    """A file that vanished, one that holds no audio, a pair of unequal lengths: the rest is as without them."""
    short, noise = tmp_path / "short.wav", tmp_path / "noise.wav"
    soundfile.write(short, clip("clip01", "clean")[:5000], RATE)
    noise.write_bytes(b"RIFF but no audio")
    good = test_set.items[0]
    items = (
        replace(good, name="gone", noisy=tmp_path / "gone.wav"),
        *test_set.items,
        replace(good, name="noise", noisy=noise),
        replace(good, name="unequal", clean=short),
    )
    found = evaluate(
        [Subject("tiny", tiny_compiled)], replace(test_set, items=items), replace(FAST, jobs=2), cache=evaluated[1]
    )
    assert [one.name for one in found.recordings] == [one.name for one in test_set.items]
    assert found.models[0].overall == evaluated[0].models[0].overall
    assert [one.name for one in found.left_out] == ["broken.wav", "gone", "noise", "unequal"]
    assert all(one.reason for one in found.left_out)
    assert "far/away" not in outputs.json_text(found)
    with pytest.raises(SlimseError, match=r"No recording .* could be evaluated: gone"):
        evaluate([Subject("tiny", tiny_compiled)], TestSet(items[:1], (), "pairs"), FAST, cache=tmp_path / "c")


def test_without_references_there_is_work_but_no_score(tiny_compiled, test_set, tmp_path) -> None:
    items = tuple(replace(one, clean=None, tags={}) for one in test_set.items[:2])
    found = evaluate([Subject("tiny", tiny_compiled)], TestSet(items, (), "pairs"), FAST, cache=tmp_path)
    model = found.models[0]
    assert model.overall.scores == {"noisy": {}, "float": {}, "int8": {}}
    assert set(model.situations) <= {"sound without reference", "silence"}
    assert model.overall.loads["int8"].macs.mean > 0
    assert model.snr_correlation_bins is None
    assert model.silence_ratio is None
    assert pictures(found) == {}
    for text in texts(found):
        assert text
    json.loads(outputs.json_text(found), parse_constant=lambda name: pytest.fail(name))


def test_models_that_take_no_audio_are_refused(plain_model, tiny_compiled, test_set, tmp_path) -> None:
    graph = replace(tiny_compiled.graph, frontend=None)
    without = replace(tiny_compiled, graph=graph)
    with pytest.raises(ModelError, match="plain has no audio front end"):
        evaluate([Subject("plain", without)], test_set, FAST, cache=tmp_path)
    slow = replace(graph, frontend=replace(tiny_compiled.graph.frontend, sample_rate_hz=8000))
    with pytest.raises(ModelError, match="different rates: a 16000 Hz, b 8000 Hz"):
        evaluate(
            [Subject("a", tiny_compiled), Subject("b", replace(tiny_compiled, graph=slow))], test_set, cache=tmp_path
        )


def test_a_limit_spreads_over_the_set(test_set) -> None:
    items = tuple(replace(test_set.items[0], name=str(number)) for number in range(10))
    assert [one.name for one in evaluating._spread(items, 3)] == ["1", "5", "8"]
    assert [one.name for one in evaluating._spread(items, 1)] == ["5"]
    assert evaluating._spread(items, 10) == evaluating._spread(items, None) == list(items)


@needs_arm
@needs_qemu
def test_a_board_is_judged_and_compared(tiny_compiled, folder, tmp_path) -> None:
    """Once with all signals, once where float and int8 are known from before: only the board's part is done then."""
    noisy, clean = tmp_path / "noisy.wav", tmp_path / "clean.wav"
    soundfile.write(noisy, clip("clip01", "noisy", 0.55), RATE)
    soundfile.write(clean, clip("clip01", "clean", 0.55), RATE)
    one = TestSet((Item("short", noisy, clean),), (), "pairs")
    subjects = [Subject("tiny", tiny_compiled)]
    evaluate(subjects, one, FAST, cache=tmp_path / "records")
    settings = replace(FAST, target=board("virtual-m4"))
    found = evaluate(subjects, one, settings, cache=tmp_path / "records")
    model = found.models[0]
    assert found.differing_frames == model.differing_frames == 0
    assert model.overall.scores["board"] == model.overall.scores["int8"]
    assert model.overall.loads["board"] == model.overall.loads["int8"]
    unit, network, total = model.counts
    assert unit == "instructions"
    assert 10_000 < network.mean < total.mean < 1_000_000
    rows = list(csv.DictReader(io.StringIO(outputs.csv_text(found))))
    assert {row["signal"] for row in rows} == {"noisy", "float", "int8", "board"}
    assert float(next(row for row in rows if row["signal"] == "board")["instructions_or_cycles"]) == network.mean
    assert json.loads(outputs.json_text(found))["models"]["tiny"]["count"]["unit"] == "instructions"
    assert texts(evaluate(subjects, one, settings, cache=tmp_path / "anew")) == texts(found)


# ---- what is shown --------------------------------------------------------------------------------------


def test_tables_are_whole(evaluated) -> None:
    shown = tables.all_tables(evaluated[0])
    for one in shown:
        assert all(len(row) == len(one.columns) for row in one.rows), one.title
    first = shown[0]
    assert [row[:2] for row in first.rows] == [
        ("", "noisy"),
        ("tiny", "float"),
        ("tiny", "int8"),
        ("other|", "float"),
        ("other|", "int8"),
    ]
    titles = [one.title for one in shown]
    assert "tiny by noise" in titles
    assert "Compared with tiny by signal-to-noise ratio, int8" in titles
    text = markdown(evaluated[0])
    assert "other\\|" in text
    assert "broken.wav: is empty" in text
    widths = {line.replace("\\|", "").count("|") for line in table_text(first).splitlines()[2:8]}
    assert len(widths) == 1


def test_markdown_cells_stay_in_their_place() -> None:
    text = table_text(Table("a|b", ("x", "y\n"), (("<b>|", "1"),), 1, "note"))
    assert text.splitlines() == ["**a\\|b**", "", "| x | y  |", "|---|---:|", "| &lt;b>\\| | 1 |", "", "note."]


# ---- the command ----------------------------------------------------------------------------------------


@pytest.fixture
def slimse(capsys) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.run([str(one) for one in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def voicebank(root: Path, names: dict[str, str]) -> Path:
    """A tree of the layout of VoiceBank+DEMAND as it is unpacked, 48 kHz."""
    for split, parts in {"testset": "test", "trainset_28spk": "train"}.items():
        for role in ("clean", "noisy"):
            place = root / f"{role}_{split}_wav"
            place.mkdir(parents=True)
            for name, source in names.items():
                samples = clip(source, role).astype(np.float64) / 32768
                soundfile.write(place / f"{name}.wav", soxr.resample(samples, RATE, 48000), 48000, subtype="PCM_16")
                if parts == "train":
                    break
    return root


def test_the_published_table_comes_with_one_command(slimse, tiny_model, tmp_path) -> None:
    """VoiceBank+DEMAND as it is unpacked: 48 kHz, the test set's names, one file broken."""
    data = voicebank(tmp_path / "data", {"p232_001": "clip01", "p232_002": "clip02", "p257_003": "clip03"})
    broken = data / "noisy_testset_wav" / "p257_003.wav"
    broken.write_bytes(broken.read_bytes()[:100])
    out = tmp_path / "out"
    arguments = ["evaluate", tiny_model, "--data", data, "--no-dnsmos", "--flips", "--jobs", 2, "--out", out]
    code, text, error = slimse(*arguments, "--markdown")
    assert code == 0, error
    assert "2 recordings of a voicebank set" in text
    assert "p257_003" in text
    assert "float with int8's gates" in text
    assert text == (out / "results.md").read_text()
    assert {one.name for one in out.iterdir()} >= {"results.json", "results.csv", "results.md", "cache"}
    found = json.loads((out / "results.json").read_text())
    assert [one["name"] for one in found["files"]] == ["p232_001", "p232_002"]
    assert str(tmp_path) not in (out / "results.json").read_text()
    # 16 kHz audio that went through 48 kHz scores nearly the same.
    direct = quality.score(clip("clip01", "clean"), clip("clip01", "noisy"), RATE, opinion=False)
    assert found["files"][0]["noisy"]["pesq_wb"] == pytest.approx(direct.pesq_wb, abs=0.05)
    assert found["files"][0]["noisy"]["si_sdr_db"] == pytest.approx(direct.si_sdr_db, abs=0.1)
    code, text, error = slimse(*arguments)
    assert code == 0, error
    assert "Quality and work" in text
    assert "left out: p257_003.wav" in error
    code, text, _ = slimse(*arguments, "--json")
    assert code == 0
    assert json.loads(text) == found


def test_mistakes_end_in_one_line(slimse, tiny_model, plain_model, folder, tmp_path) -> None:
    foreign, taken = tmp_path / "foreign", tmp_path / "taken"
    foreign.mkdir()
    (foreign / "results.json").write_text('{"mine": 1}')
    taken.write_text("")
    out = ["--out", tmp_path / "out"]
    for arguments, message in (
        ([tiny_model, "--data", tmp_path / "no", *out], "no"),
        ([tiny_model, "--data", folder, "--out", foreign], "did not write"),
        ([tiny_model, "--data", folder, "--out", taken], "is a file"),
        ([tmp_path / "no.keras", "--data", folder, *out], "There is no model"),
        ([tiny_model, tiny_model, "--data", folder, *out], "Two models are called tiny"),
        ([tiny_model, "--data", folder, "--kind", "sausage", *out], "sausage"),
        ([tiny_model, "--data", folder, "--board", "sausage", *out], "sausage"),
        ([tiny_model, "--data", folder, "--json", "--markdown", *out], "either"),
        ([tiny_model, "--data", folder, "--port", "/dev/null", *out], "belong to --board"),
        ([tiny_model, *out], "--data"),
        (["--data", folder, *out], "MODEL"),
    ):
        code, _, error = slimse("evaluate", *arguments)
        assert code == 2, error
        last = error.strip().splitlines()[-1]
        assert last.startswith("error: ")
        assert message in last
        assert "Traceback" not in error
    assert not (tmp_path / "out").exists()
    assert (foreign / "results.json").read_text() == '{"mine": 1}'
    assert sorted(one.name for one in foreign.iterdir()) == ["results.json"]
