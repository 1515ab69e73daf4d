"""One contract for every index, then what is particular to each."""

from __future__ import annotations

import json

import numpy as np
import pytest

from audio_model.index import (
    EXACT_UP_TO,
    AnnoyIndex,
    ExactIndex,
    StackedIndex,
    build_index,
    load_index,
)
from audio_model.index import store as store_module
from audio_model.index.annoy_index import nodes_to_inspect
from audio_model.probes import precision_at_k
from data.errors import ArtefactError, DataError, ParameterError

DIM = 16


def clustered(n=300, seed=0):
    """Vectors [shape=(n, DIM)] around 10 centres, so that neighbours exist."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((10, DIM))
    return (centres[np.arange(n) % 10] + 0.3 * rng.standard_normal((n, DIM))).astype(np.float32)


def naive_search(vectors, query, k, exclude=()):
    scored = []
    for position, vector in enumerate(vectors):
        length = np.linalg.norm(vector) * np.linalg.norm(query)
        if position not in exclude and np.isfinite(length) and length > 0:
            scored.append((-round(float(vector @ query / length), 6), position))
    scored.sort()
    return [position for _, position in scored[:k]], [-score for score, _ in scored[:k]]


class SearchContract:
    """What every `SearchIndex` keeps; at this size the approximate one is exact as well."""

    def build(self, vectors):
        raise NotImplementedError

    def test_search_equals_the_naive_search(self):
        vectors = clustered()
        queries = clustered(7, seed=1) * 3.0
        positions, cosine = self.build(vectors).search(queries, 12)
        assert positions.dtype == np.int32
        assert cosine.dtype == np.float32
        for row, query in enumerate(queries):
            expected, scores = naive_search(vectors, query, 12)
            np.testing.assert_allclose(cosine[row], scores, atol=3e-6)
            assert len(set(positions[row]) & set(expected)) >= 11  # ties at the sixth decimal

    def test_items_without_a_vector_are_never_found(self):
        vectors = clustered(40)
        vectors[3] = np.nan
        vectors[7] = 0.0
        positions, cosine = self.build(vectors).search(vectors[:1], 40)
        assert sorted(positions[0][:38]) == sorted(set(range(40)) - {3, 7})
        assert (positions[0][38:] == -1).all()
        assert np.isnan(cosine[0][38:]).all()
        assert np.isfinite(cosine[0][:38]).all()

    def test_excluded_items_are_replaced_by_the_next_best(self):
        vectors = clustered()
        index = self.build(vectors)
        first = index.search(vectors[:1], 20)[0][0]
        exclude = first[:10].astype(np.int32)
        assert list(index.search(vectors[:1], 10, exclude=exclude)[0][0]) == list(first[10:])

    def test_excluding_everything_leaves_nothing(self):
        vectors = clustered(5)
        positions, _ = self.build(vectors).search(
            vectors[:1], 3, exclude=np.arange(5, dtype=np.int32)
        )
        assert list(positions[0]) == [-1, -1, -1]

    def test_equal_vectors_come_in_the_order_of_their_positions(self):
        vectors = np.tile(clustered(1), (50, 1)) * np.linspace(0.5, 2, 50)[:, None]
        positions, cosine = self.build(vectors.astype(np.float32)).search(vectors[:1], 50)
        assert list(positions[0]) == list(range(50))
        np.testing.assert_array_equal(cosine[0], np.float32(1.0))

    def test_query_without_direction_finds_nothing(self):
        vectors = clustered(20)
        queries = np.stack([np.zeros(DIM), np.full(DIM, np.nan), vectors[4]]).astype(np.float32)
        positions, _ = self.build(vectors).search(queries, 2)
        assert positions[:2].tolist() == [[-1, -1], [-1, -1]]
        assert positions[2, 0] == 4

    def test_cosine_is_at_most_one_and_an_item_is_most_similar_to_itself(self):
        vectors = clustered()
        positions, cosine = self.build(vectors).search(vectors, 1)
        assert list(positions[:, 0]) == list(range(300))
        np.testing.assert_array_equal(cosine, 1.0)

    def test_wrong_queries_are_refused(self):
        index = self.build(clustered(5))
        with pytest.raises(ParameterError, match=r"\(q, 16\), got \(1, 8\)"):
            index.search(np.ones((1, 8), np.float32), 3)
        with pytest.raises(ParameterError, match="k must be"):
            index.search(clustered(1), 0)


class IndexContract(SearchContract):
    """What every `EmbeddingIndex` keeps."""

    kind: str

    def build(self, vectors):
        return build_index(vectors, self.kind, seed=0)

    def test_partly_missing_vector_is_refused(self):
        vectors = clustered(5)
        vectors[2, 3] = np.nan
        with pytest.raises(ParameterError, match="vector 2"):
            self.build(vectors)

    def test_saved_index_answers_as_before(self, tmp_path):
        vectors = clustered()
        vectors[5] = np.nan
        index = self.build(vectors)
        before = index.search(vectors[10:20], 15)
        index.save(tmp_path / "index")
        loaded = load_index(tmp_path / "index")
        assert type(loaded) is type(index)
        assert (loaded.n_items, loaded.dimension) == (300, DIM)
        for was, now in zip(before, loaded.search(vectors[10:20], 15), strict=True):
            np.testing.assert_array_equal(was, now)

    def test_equal_seeds_give_equal_files(self, tmp_path):
        for name in ("a", "b"):
            self.build(clustered()).save(tmp_path / name)
        contents = [(tmp_path / name / "index.json").read_text() for name in ("a", "b")]
        assert contents[0] == contents[1]

    def test_catalogue_without_any_vector_is_searched_in_vain(self, tmp_path):
        index = self.build(np.full((4, DIM), np.nan, np.float32))
        assert list(index.search(clustered(1), 2)[0][0]) == [-1, -1]
        index.save(tmp_path / "index")
        assert load_index(tmp_path / "index").n_items == 4

    def test_damaged_files_are_refused(self, tmp_path):
        self.build(clustered()).save(tmp_path / "index")
        for path in sorted((tmp_path / "index").iterdir()):
            content = path.read_bytes()
            flipped = content[:-3] + bytes(byte ^ 0xFF for byte in content[-3:])
            for damage in (content[: len(content) // 2], b"", flipped):
                path.write_bytes(damage)
                with pytest.raises(ArtefactError, match="build the index again"):
                    load_index(tmp_path / "index")
            path.unlink()
            with pytest.raises(ArtefactError):
                load_index(tmp_path / "index")
            path.write_bytes(content)
        assert load_index(tmp_path / "index").n_items == 300


class TestStackedIndex(SearchContract):
    def build(self, vectors):
        third = len(vectors) // 3
        return StackedIndex(ExactIndex(vectors[:third]), vectors[third:])

    def test_positions_go_on_after_those_of_the_first(self):
        index = StackedIndex(self.build(clustered(60)), clustered(30, seed=5))
        assert (index.n_items, index.dimension) == (90, DIM)
        positions, _ = index.search(clustered(30, seed=5), 1)
        assert list(positions[:, 0]) == list(range(60, 90))


class TestExactIndex(IndexContract):
    kind = "exact"

    def test_blocks_of_items_and_queries_do_not_show(self, monkeypatch):
        vectors = clustered()
        whole = ExactIndex(vectors).search(vectors[:9], 20)
        monkeypatch.setattr("audio_model.index.exact._ITEMS_AT_ONCE", 37)
        monkeypatch.setattr("audio_model.index.exact._QUERIES_AT_ONCE", 4)
        for was, now in zip(whole, ExactIndex(vectors).search(vectors[:9], 20), strict=True):
            np.testing.assert_array_equal(was, now)

    def test_many_equal_vectors_across_blocks_come_in_the_order_of_their_positions(
        self, monkeypatch
    ):
        monkeypatch.setattr("audio_model.index.exact._ITEMS_AT_ONCE", 16)
        vectors = np.tile(clustered(2), (50, 1))  # even rows are equal, and odd rows
        positions, _ = ExactIndex(vectors).search(vectors[:1], 30)
        assert list(positions[0]) == list(range(0, 60, 2))

    def test_one_query_finds_what_it_finds_among_several(self):
        vectors = np.round(clustered(4000), 1)  # so few values that many cosines are equal
        vectors[17] = np.nan
        index = ExactIndex(vectors)
        for barred in (None, np.arange(0, 4000, 3, np.int32), np.arange(3990, dtype=np.int32)):
            for k in (1, 50, 3000):
                several = index.search(vectors[:2], k, exclude=barred)
                one = index.search(vectors[:1], k, exclude=barred)
                np.testing.assert_array_equal(one[0][0], several[0][0])
                np.testing.assert_allclose(one[1][0], several[1][0], atol=2e-6)

    def test_a_file_of_rows_is_searched_like_one_of_columns(self, tmp_path):
        vectors = clustered(400)
        index = ExactIndex(vectors)
        index.save(tmp_path / "columns")
        columns = np.load(tmp_path / "columns" / "vectors.npy")
        assert columns.flags.f_contiguous
        (tmp_path / "rows").mkdir()
        np.save(tmp_path / "rows" / "vectors.npy", np.ascontiguousarray(columns))
        for folder in ("rows", "columns"):
            found = ExactIndex.open(tmp_path / folder).search(vectors[:1], 30)
            for was, now in zip(index.search(vectors[:1], 30), found, strict=True):
                np.testing.assert_allclose(was, now, atol=2e-6)


class TestAnnoyIndex(IndexContract):
    kind = "annoy"

    def test_more_nodes_find_more(self):
        vectors = np.random.default_rng(0).standard_normal((5000, DIM)).astype(np.float32)
        index = AnnoyIndex.build(vectors)
        exact, _ = ExactIndex(vectors).search(vectors[:20], 50)
        found = []
        for nodes in (1, index.search_nodes):
            index.search_nodes = nodes
            approximate, _ = index.search(vectors[:20], 50)
            found.append(
                np.mean([np.isin(a, b).mean() for a, b in zip(exact, approximate, strict=True)])
            )
        assert found[0] < 0.98 <= found[1]

    def test_nodes_to_inspect_grow_slower_than_the_catalogue(self):
        assert nodes_to_inspect(10) == 20_000
        assert nodes_to_inspect(100_000) == 40_000
        assert 150_000 < nodes_to_inspect(1_000_000) < 170_000

    def test_recall_on_structured_vectors_is_high(self):
        vectors = clustered(5000)
        exact, _ = ExactIndex(vectors).search(vectors[:50], 20)
        approximate, _ = AnnoyIndex.build(vectors).search(vectors[:50], 20)
        shared = [len(set(a) & set(b)) for a, b in zip(exact, approximate, strict=True)]
        assert np.mean(shared) / 20 > 0.95


def test_auto_is_exact_up_to_the_documented_size(monkeypatch):
    assert EXACT_UP_TO == 1_000_000
    monkeypatch.setattr(store_module, "EXACT_UP_TO", 50)
    assert isinstance(build_index(clustered(50)), ExactIndex)
    assert isinstance(build_index(clustered(51)), AnnoyIndex)


def test_unknown_kind_and_format_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="auto, exact or annoy"):
        build_index(clustered(3), "faiss")
    build_index(clustered(3)).save(tmp_path)
    manifest = json.loads((tmp_path / "index.json").read_text())
    for change, reason in (({"format": 9}, "format 9"), ({"kind": "faiss"}, "faiss")):
        (tmp_path / "index.json").write_text(json.dumps({**manifest, **change}))
        with pytest.raises(ArtefactError, match=reason):
            load_index(tmp_path)


def naive_precision(vectors, labels, k):
    shares = []
    for query, label in enumerate(labels):
        if labels.count(label) < 2:
            continue
        found, _ = naive_search(vectors, vectors[query], k, exclude=(query,))
        shares.append(sum(labels[other] == label for other in found) / k)
    return float(np.mean(shares))


def test_precision_equals_the_naive_one():
    vectors = clustered(60)
    labels = [f"genre {i % 10 if i % 7 else i % 3}" for i in range(59)] + ["alone"]
    assert precision_at_k(vectors, labels, 5) == pytest.approx(naive_precision(vectors, labels, 5))


def test_precision_of_separate_clusters_is_one_and_of_copies_counts_no_item_itself():
    labels = list("aaabbb")
    vectors = np.repeat(np.eye(2, dtype=np.float32), 3, axis=0)
    assert precision_at_k(vectors, labels, 2) == 1.0
    assert precision_at_k(vectors, labels, 4) == 2 / 4


def test_precision_without_a_shared_label_is_refused():
    with pytest.raises(DataError, match="at least 2"):
        precision_at_k(clustered(3), list("abc"), 1)
