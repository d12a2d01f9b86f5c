"""The contract means here what it means in Rust."""

import re

import pytest

from anacrusis_training import contract


def test_the_scope_hash_is_the_runtimes():
    generated = contract.CONTRACT_PATH.with_name("src") / "v1.rs"
    expected = re.search(r'BEAT_MODEL_SCOPE_HASH: &str = "([^"]+)"', generated.read_text()).group(1)
    assert contract.scope_hash(contract.load()) == expected


def test_canonical_text_sorts_keys_and_keeps_letters():
    assert contract.canonical_json({"z": 1, "a": [True, None, 12.5, "é\""]}) == '{"a":[true,null,12.5,"é\\""],"z":1}'


def test_the_feature_hash_sees_the_front_end_only():
    current = contract.load()
    before = contract.feature_hash(current)
    current["beat_model"]["opset"] += 1
    assert contract.feature_hash(current) == before
    current["features"]["logfb"]["bands"] += 1
    assert contract.feature_hash(current) != before


def test_a_pointer_to_nothing_is_named():
    with pytest.raises(ValueError, match="nothing at /audio/colour: `colour` is missing"):
        contract.look_up(contract.load(), "/audio/colour")


def test_a_file_that_is_no_contract_is_refused(tmp_path):
    path = tmp_path / "v1.json"
    path.write_text("[]")
    with pytest.raises(ValueError, match="not a contract"):
        contract.load(path)
