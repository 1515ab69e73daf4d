from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from ranker.attribution import PathShares


def grown(features, target, **settings):
    data = lightgbm.Dataset(features, label=target, params={"verbosity": -1})
    settings = {
        "verbosity": -1,
        "min_data_in_leaf": 1,
        "num_leaves": 8,
        "num_threads": 1,
    } | settings
    return lightgbm.train(settings, data, num_boost_round=5)


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 4))
    features[rng.random(features.shape) < 0.2] = np.nan
    target = 3 * np.nan_to_num(features[:, 0]) + (np.nan_to_num(features[:, 2]) > 0)
    return features, grown(features, target)


def shares_of(booster, features):
    leaf = booster.predict(features, pred_leaf=True, num_threads=1)
    return PathShares.of(booster.dump_model()).at(np.asarray(leaf, np.int64))


def naive(tree, row):
    """Shares of one row in one tree, by walking down."""
    shares, node = np.zeros(len(row)), tree["tree_structure"]

    def leaves(node):
        if "leaf_value" in node:
            return [(node["leaf_value"], node["leaf_count"])]
        return leaves(node["left_child"]) + leaves(node["right_child"])

    def mean(node):
        values, counts = zip(*leaves(node), strict=True)
        return np.average(values, weights=counts)

    start = mean(node)
    while "leaf_value" not in node:
        value = row[node["split_feature"]]
        left = node["default_left"] if np.isnan(value) else value <= node["threshold"]
        child = node["left_child" if left else "right_child"]
        shares[node["split_feature"]] += mean(child) - mean(node)
        node = child
    return np.append(shares, start)


def test_shares_and_constant_add_up_to_the_score(world):
    features, booster = world
    assert shares_of(booster, features).sum(axis=1) == pytest.approx(booster.predict(features))


def test_shares_are_those_of_a_walk_down_every_tree(world):
    features, booster = world
    trees = booster.dump_model()["tree_info"]
    expected = [sum(naive(tree, row) for tree in trees) for row in features[:40]]
    assert shares_of(booster, features[:40]) == pytest.approx(np.array(expected))


def test_the_constant_is_the_expected_score_of_shapley_values(world):
    features, booster = world
    shapley = booster.predict(features, pred_contrib=True)
    assert shares_of(booster, features)[0, -1] == pytest.approx(shapley[0, -1])


def test_a_feature_that_no_tree_asks_has_no_share(world):
    features, booster = world
    assert not shares_of(booster, features)[:, [1, 3]].any()


def test_a_model_of_single_leaves_says_only_its_constant():
    features = np.zeros((30, 2))
    booster = grown(features, np.full(30, 7.0))
    shares = shares_of(booster, features[:3])
    assert shares[:, :-1].tolist() == [[0, 0]] * 3
    assert shares.sum(axis=1) == pytest.approx(booster.predict(features[:3]))
