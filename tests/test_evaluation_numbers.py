"""The arithmetic of an evaluation: intervals, ranks, groups, kinds of frames, records, labels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimse_mcu.errors import AudioError, ModelError
from slimse_mcu.evaluation import groups, statistics
from slimse_mcu.evaluation.activity import frame_kinds, frame_levels_dbfs
from slimse_mcu.evaluation.cache import Cache, digest_of_files, digest_of_text
from slimse_mcu.evaluation.labels import labelled
from slimse_mcu.evaluation.records import Count, SignalRecord, Work
from slimse_mcu.harness.quality import Scores

HOP = 256


# ---- statistics -----------------------------------------------------------------------------------------


def test_means_and_ratios_are_what_they_say() -> None:
    assert statistics.mean([]) is None
    one = statistics.mean([2.5])
    assert (one.mean, one.low, one.high, one.files) == (2.5, None, None, 1)
    many = statistics.mean(np.arange(101.0))
    assert many.mean == 50.0
    assert many.low < 50.0 < many.high
    assert statistics.ratio([1, 2, 3], [10, 10, 0]).mean == pytest.approx(0.3)
    assert statistics.ratio([1.0], [0.0]) is None
    same = statistics.mean([3.0] * 10)
    assert (same.low, same.high) == (3.0, 3.0)


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Nominal 95 % of a bootstrap over 60 skewed values: 90 to 99 % in 200 repetitions."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        found = statistics.mean(rng.exponential(size=60))
        held += found.low <= 1.0 <= found.high
    assert 0.90 <= held / 200 <= 0.99


def test_an_interval_is_about_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(1).normal(size=400)
    found = statistics.mean(values)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    part, whole = 3 * values + 10, np.full(400, 2.0)
    found = statistics.ratio(part, whole)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * 1.5 * values.std() / 20, rel=0.1)


def test_long_recordings_count_more_in_a_ratio_and_move_its_interval() -> None:
    """A ratio is over frames, but what is drawn again are recordings, with all their frames."""
    found = statistics.ratio([1000, 1, 1, 1], [1000, 10, 10, 10])
    assert found.mean == pytest.approx(1003 / 1030)
    assert found.low < 0.2  # draws without the long one


def test_a_difference_is_paired() -> None:
    rng = np.random.default_rng(3)
    theirs = rng.normal(2.0, 0.5, size=200)
    ours = theirs - 0.02 + rng.normal(0, 0.01, size=200)
    found = statistics.difference(ours, theirs)
    assert found.mean == pytest.approx(-0.02, abs=0.002)
    assert found.high - found.low < 0.005  # far below the spread between recordings
    assert found.relative == pytest.approx(found.mean / theirs.mean())
    assert found.relative_low < found.relative < found.relative_high < 0
    assert statistics.difference([], []) is None
    assert statistics.difference([1.0, 1.0], [0.0, 0.0]).relative is None
    assert statistics.difference([2.0], [1.0]).low is None


def test_intervals_do_not_depend_on_what_was_computed_before() -> None:
    values = np.random.default_rng(5).normal(size=50)
    first = statistics.mean(values)
    statistics.mean(values[:20])
    statistics._draws.cache_clear()
    assert statistics.mean(values) == first
    assert statistics.mean(values, seed=1) != first


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=30))
def test_rank_correlation_is_spearman_s(pairs: list[tuple[int, int]]) -> None:
    scipy = pytest.importorskip("scipy.stats")
    one, other = zip(*pairs, strict=True)
    ours = statistics.rank_correlation(one, other)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert ours is None
    else:
        assert ours == pytest.approx(scipy.spearmanr(one, other).statistic)
    assert statistics.ranks(one) == pytest.approx(scipy.rankdata(one))


def test_rank_correlation_needs_three_values() -> None:
    assert statistics.rank_correlation([1.0, 2.0], [2.0, 1.0]) is None
    assert statistics.rank_correlation([1.0, 2.0, 3.0], [30.0, 20.0, -1.0]) == pytest.approx(-1.0)


# ---- groups ---------------------------------------------------------------------------------------------


def test_chosen_ratios_are_groups_of_their_own() -> None:
    ratios = [5.0, -5.0, 60.0, 5.0, -5.0, None, 0.0, 0.0]
    found = groups.by_snr(ratios)
    assert [(one.name, one.members) for one in found] == [
        ("-5 dB", (1, 4)),
        ("0 dB", (6, 7)),
        ("5 dB", (0, 3)),
        ("clean", (2,)),
    ]
    assert [one.place for one in found] == sorted(one.place for one in found)


def test_measured_ratios_are_binned() -> None:
    found = groups.by_snr([-31.0, -0.1, 0.0, 4.99, 5.0, 39.9, 40.0, 100.0])
    assert [(one.name, one.members) for one in found] == [
        ("-20 to -15 dB", (0,)),
        ("-5 to 0 dB", (1,)),
        ("0 to 5 dB", (2, 3)),
        ("5 to 10 dB", (4,)),
        ("35 to 40 dB", (5,)),
        ("clean", (6, 7)),
    ]


@settings(max_examples=60)
@given(st.lists(st.one_of(st.none(), st.floats(-120, 120)), max_size=40))
def test_every_known_ratio_is_in_one_group(ratios: list[float | None]) -> None:
    members = [number for one in groups.by_snr(ratios) for number in one.members]
    assert sorted(members) == [number for number, ratio in enumerate(ratios) if ratio is not None]


def test_tags_group_where_they_tell_recordings_apart() -> None:
    tags = [
        {"noise": "babble" if number % 2 else "hum", "language": "en", "snr_db": number, "voice": f"{chr(65 + number)}"}
        for number in range(40)
    ]
    found = groups.by_tags(tags)
    assert list(found) == ["noise"]  # one language says nothing, forty voices say too much
    assert [(one.name, len(one.members)) for one in found["noise"]] == [("babble", 20), ("hum", 20)]
    assert groups.by_tags([{}, {}]) == {}
    assert [one.name for one in groups.by_tags([{"take": 1}, {"take": 2.0}, {"take": ""}])["take"]] == ["1", "2.0"]


def test_many_values_that_differ_in_a_number_become_ranges() -> None:
    times = [*(0.2 + 0.01 * number for number in range(33)), 0.2, 0.2, 0.2]
    tags = [{"room": f"rt60 {time:.2f} s"} for time in times] + [{"room": "dry"}] * 4
    found = groups.by_tags(tags)["room"]
    assert [(one.name, len(one.members)) for one in found] == [
        ("dry", 4),
        ("rt60 0.20 to 0.28 s", 12),
        ("rt60 0.29 to 0.40 s", 12),
        ("rt60 0.41 to 0.52 s", 12),
    ]
    assert sorted(number for one in found for number in one.members) == list(range(40))
    few = [{"room": f"rt60 {time:.2f} s"} for time in times[:5]]
    assert [one.name for one in groups.by_tags(few)["room"]] == [f"rt60 0.2{digit} s" for digit in range(5)]


@settings(max_examples=100)
@given(st.lists(st.one_of(st.text(max_size=8), st.floats(), st.integers()), max_size=40))
def test_any_tag_gives_groups_without_overlap(values: list) -> None:
    for found in groups.by_tags([{"tag": value} for value in values]).values():
        members = [number for one in found for number in one.members]
        assert len(members) == len(set(members))
        assert len({one.name for one in found}) == len(found)


def test_the_set_s_word_on_the_ratio_comes_first() -> None:
    assert groups.snr_of({"snr_db": 5}, 4.2) == 5.0
    assert groups.snr_of({}, 4.2) == 4.2
    assert groups.snr_of({"snr_db": "much"}, 4.2) == 4.2
    assert groups.snr_of({"snr_db": float("nan")}, None) is None


# ---- kinds of frames ------------------------------------------------------------------------------------


def tone(dbfs: float, hops: int) -> np.ndarray:
    n = np.arange(hops * HOP)
    return np.round(32768 * np.sqrt(2) * 10 ** (dbfs / 20) * np.sin(2 * np.pi * 440 * n / 16000)).astype(np.int16)


def test_levels_are_those_of_the_window() -> None:
    levels = frame_levels_dbfs(np.concatenate([tone(-20, 4), tone(-90, 4)[:100] * 0]), HOP)
    assert len(levels) == 5
    assert levels[0] == pytest.approx(-23, abs=0.3)  # the hop before the first is silent
    assert levels[2] == pytest.approx(-20, abs=0.3)
    assert levels[4] == pytest.approx(-23, abs=0.3)
    assert frame_levels_dbfs(np.zeros(1000, np.int16), HOP) == pytest.approx(-120)


def test_frames_are_speech_pause_or_silence() -> None:
    clean = np.concatenate([tone(-26, 20), np.zeros(20 * HOP, np.int16), tone(-26, 20), np.zeros(20 * HOP, np.int16)])
    noise = np.concatenate([tone(-45, 60), np.zeros(20 * HOP, np.int16)])
    kinds = frame_kinds(clean + noise, clean, HOP)
    edges = {20, 40, 60}  # a window that holds a bit of both
    expected = ["speech"] * 20 + ["pause"] * 20 + ["speech"] * 20 + ["silence"] * 20
    for number, kind in enumerate(expected):
        if number not in edges:
            assert kinds[kind][number], (number, kind)
    assert np.array_equal(sum(one.astype(int) for one in kinds.values()), np.ones(80))


def test_the_level_of_silence_can_be_chosen() -> None:
    quiet = tone(-55, 30)
    clean = np.zeros_like(quiet)
    assert frame_kinds(quiet, clean, HOP)["pause"].all()
    assert frame_kinds(quiet, clean, HOP, -45.0)["silence"].all()


def test_without_a_reference_nothing_is_called_speech() -> None:
    kinds = frame_kinds(np.concatenate([tone(-26, 10), np.zeros(10 * HOP, np.int16)]), None, HOP)
    assert not kinds["speech"].any()
    assert not kinds["pause"].any()
    assert kinds["sound"][:10].all()
    assert kinds["silence"][11:].all()


def test_a_silent_reference_has_no_speech() -> None:
    noise = np.random.default_rng(0).integers(-900, 900, 40 * HOP).astype(np.int16)
    faint = np.random.default_rng(1).integers(-2, 3, 40 * HOP).astype(np.int16)
    for clean in (np.zeros_like(noise), faint):
        kinds = frame_kinds(noise, clean, HOP)
        assert kinds["pause"].all()


@settings(max_examples=30)
@given(st.integers(1, 3000), st.integers(0, 2**32 - 1), st.booleans())
def test_every_frame_is_of_one_kind(samples: int, seed: int, has_clean: bool) -> None:
    rng = np.random.default_rng(seed)
    noisy, clean = (rng.integers(-(2**15), 2**15, samples).astype(np.int16) // 2 ** rng.integers(1, 15) for _ in "ab")
    kinds = frame_kinds(noisy, clean if has_clean else None, HOP)
    assert (sum(one.astype(int) for one in kinds.values()) == 1).all()
    assert {len(one) for one in kinds.values()} == {-(-samples // HOP)}


# ---- records --------------------------------------------------------------------------------------------

RECORD = SignalRecord(
    Scores(pesq_wb=1.5, stoi=0.1 + 0.2, dnsmos_bak=None),
    {"speech": Work(10, 2000, {"gate": 7, "head1": 3}), "silence": Work(1, 50, {"gate": 0, "head1": 1})},
    Count("instructions", 123456789012, 223456789012),
    0,
    17,
)


def test_records_survive_their_file(tmp_path) -> None:
    cache = Cache(tmp_path / "cache")
    assert cache.find("ab" * 32) is None
    cache.keep("ab" * 32, {"int8": RECORD, "float": SignalRecord(Scores())})
    found = cache.find("ab" * 32)
    assert found == {"int8": RECORD, "float": SignalRecord(Scores())}
    assert found["int8"].total == Work(11, 2050, {"gate": 7, "head1": 4})
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"format": ', '"format": 9'),
        lambda text: text.replace("2000", "-2000"),
        lambda text: text.replace("1.5", "NaN"),
        lambda text: text.replace("1.5", '"1.5"'),
        lambda text: text.replace('"work"', '"wrok"'),
        lambda text: text.replace("abab", "abcd", 1),
        lambda text: "[" * 100000,
        lambda text: "null",
        lambda text: '{"format": 1, "signals": 3}',
    ],
)
def test_a_damaged_record_counts_as_missing(tmp_path, damage) -> None:
    cache = Cache(tmp_path)
    cache.keep("ab" * 32, {"int8": RECORD})
    path = next(tmp_path.rglob("*.json"))
    path.write_text(damage(path.read_text()))
    assert cache.find("ab" * 32) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["scores", "work", "count", "frames", "pesq_wb", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=200)
@given(_JSON)
def test_no_json_is_taken_for_a_record_by_accident(values) -> None:
    with pytest.raises(ValueError, match=r"."):
        SignalRecord.from_json(values)


def test_a_record_is_checked_field_by_field() -> None:
    good = json.loads(json.dumps(RECORD.to_json()))
    assert SignalRecord.from_json(good) == RECORD
    for path in (("scores", "pesq_wb"), ("work", "speech"), ("count", "network"), ("differing",), ("flipped",)):
        broken = json.loads(json.dumps(good))
        place = broken
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = "seven"
        with pytest.raises(ValueError, match=r"."):
            SignalRecord.from_json(broken)


def test_keys_depend_on_contents_and_their_order(tmp_path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_bytes(b"x" * 3000000)
    other.write_bytes(b"y")
    digests = {digest_of_files(one, other), digest_of_files(other, one), digest_of_files(one, None)}
    assert len(digests) == 3
    assert digest_of_text("ab", "c") != digest_of_text("a", "bc")
    with pytest.raises(AudioError, match="gone"):
        digest_of_files(tmp_path / "gone")


# ---- labels ---------------------------------------------------------------------------------------------


def test_models_are_called_what_tells_them_apart(tmp_path) -> None:
    (tmp_path / "runs" / "seed1").mkdir(parents=True)
    given = ["zoo:dsn-mgt", "x/small.keras", str(tmp_path / "runs" / "seed1" / "model.keras"), "mine=a/model.keras"]
    assert [label for label, _ in labelled(given)] == ["dsn-mgt", "small", "seed1", "mine"]
    assert labelled(["mine=a/model.keras"]) == [("mine", "a/model.keras")]
    odd = tmp_path / "a=b.keras"
    odd.write_bytes(b"")
    assert labelled([str(odd)]) == [("a=b", str(odd))]
    with pytest.raises(ModelError, match="Two models are called small"):
        labelled(["a/small.keras", "b/small.keras"])
    for wrong in ("=model.keras", "mine="):
        with pytest.raises(ModelError, match="names no model"):
            labelled([wrong])
