"""float16: an overflow on one replica skips the update on all of them."""

import overflow_run
import pytest
from worker_scripts import run_scripts, two_workers


def test_an_overflow_on_one_replica_skips_the_update_on_all():
    (one,) = run_scripts(overflow_run.__file__, ["one"])
    assert [update["norm_is_finite"] for update in one] == [True, False, True, True]
    assert [update["updates"] for update in one] == [1, 1, 2, 3]
    assert one[0]["sum"] == one[1]["sum"] != one[2]["sum"]
    assert [update["loss_scale"] for update in one] == [2.0**15, 2.0**14, 2.0**14, 2.0**14]
    mirrored = run_scripts(overflow_run.__file__, ["mirrored"])
    workers = run_scripts(overflow_run.__file__, ["multi_worker"], two_workers())
    for other in (*mirrored, *workers):
        for update, expected in zip(other, one, strict=True):
            assert update["weights_are_finite"] and update["diverged"] == [False]
            for name in ("norm_is_finite", "updates", "loss_scale"):
                assert update[name] == expected[name]
            assert update["loss"] == pytest.approx(expected["loss"], rel=5e-3)
            assert len(set(update["replicas"])) == 1
        assert other[0]["sum"] == other[1]["sum"] != other[2]["sum"]
    assert [update["replicas"] for update in workers[0]] == [u["replicas"] for u in workers[1]]
