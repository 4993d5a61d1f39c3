"""Every benchmark has a quick form that ends with one JSON object."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from coexplore.systems.system import all_claims

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path for path in (ROOT / "benchmarks").rglob("*.py") if not path.name.startswith("_"))
KEYS = {
    "boards": {"boards", "n", "median_rho_model", "median_rho_own", "median_rho_macs", "better_than_macs"},
    "cost_command": {"first_s", "median_s", "least_s"},
    "cost_engine": {
        *("optimal_pairs_per_s", "distinct_pairs_per_s", "brute_force_equal", "network_optimal_s", "peak_rss_mb"),
        *("wall_s", "cpu_s", "decode_s", "lay_out_s"),
    },
    "cost_model_learning": {
        *("networks", "accelerators", "shapes", "test_pairs", "price_s", "engine_rejects"),
        *("valid_share", "macs_tau", "curve"),
    },
    "devices_zero_shot": {"devices"},
    "dse_speed": {"designs", "wall_s", "designs_per_s"},
    "exact_hardware": {"ops", "accelerators", "undominated", "undominated_s", "front", "front_s", "checked"},
    "edp": {"models", "searched_mappings", "never_worse", "least_searched_over_solved", "seeds", "evaluations"},
    "eyeriss": {"rows", "latency_mape", "processing_latency_mape", "dram_mape", "glb_mape"},
    "flops_proxy": {"nb201", "accel-nasbench"},
    "feasibility": {"median_infeasible", "infeasible_per_feasible", "median_best_edp_js", "infeasible_share", "seeds"},
    "fixed_network": {"accelerators", "assumptions", "networks", "threads", "peak_rss_mb", "wall_s"},
    "fnas": {"networks", "children", "seeds", "largest_loss", "most_saved", "most_saved_macs", "requirements"},
    "fuzz_readers": {"files", "crashes", "hangs", "peak_rss_mb", "wall_s"},
    "fused_crossover": {
        *(
            "shapes",
            "accelerators",
            "assumptions",
            "fused_at_least_as_good_share",
            "fused_at_least_as_good_share_baseline",
            "widest_fused",
        ),
        *("b0_fused_stages", "groups_win_share", "slowest_kind_over_fastest", "wall_s"),
    },
    "gemmini_rtl": {
        *("rows", "spearman", "mape", "median_error"),
        *("calibrated_spearman", "calibrated_mape", "calibrated_median_error"),
    },
    "golden": {"checked", "exact"},
    "joint_optimum": {
        *("pairs", "evaluated", "wall_s", "matmul_s", "ratio_to_matmul", "accel_ratio_to_matmul", "peak_rss_mb"),
        *("brute_force_equal", "synthetic", "accelerators", "nb201", "accel_nasbench"),
    },
    "joint_vs_fixed": {
        *(
            "joint_at_least_fixed",
            "joint_at_least_phase",
            "gain_points",
            "energy_ratio",
            "bar_met",
            "bar_met_trained",
            "tables",
        ),
        *("space", "samples", "seeds", "published", "wall_s"),
    },
    "kill_resume": {"kills", "equal"},
    "limited_search": {
        *("limits", "found_over_optimum_median", "found_over_optimum_worst", "gap_median", "gap_worst"),
        *("limited_s", "to_the_end_s", "pe_array_longest_s"),
        *("eyeriss_found_over_optimum_worst", "eyeriss_gap_worst", "eyeriss_limited_s", "eyeriss_to_the_end_s"),
    },
    "modes": {"seeds", "modes", "trained_until_fixed", "gain_at_equal_accuracy"},
    "partition": {"cases", "equal", "resnet50_table_s", "resnet50_plan_s"},
    "price_s1_s3": {"wall_s", "pairs_per_s", "equal", "ops", "accelerators", "op_pairs_per_s", "peak_rss_mb", "spaces"},
    "quickstart_modes": {"trials", "seeds", "wall_s", "modes"},
    "replay": {"replays_per_s_per_core", "peak_rss_mb", "mappings", "ops", "checked_equal"},
    "sample_efficiency": {"inner", "outer", "seeds"},
    "scaling": {"series", "exponents", "cache", "totals"},
    "study_overhead": set(),
    "surrogate": {
        *("kendall_tau", "coverage_90", "coverage_90_of_best_third", "rows_train", "rows_test"),
        *("tau_target_met", "coverage_target_met"),
    },
    "supernet": {
        *("kendall_tau", "kendall_tau_90", "tau_macs", "networks", "train_s", "stand_alone_s"),
        *("noise_sd", "spread_sd", "tau_again", "tau_ceiling", "behind"),
    },
    "systolic": {"rows", "exact"},
    "versus_peers": {"peer", "speed_ratio", "never_worse", "recorded"},
    "zigzag_replay": {"rows", "ideal_cycles_within_2pct", "energy_within_2pct"},
    "timeloop_cases": {"counts_compared", "counts_equal"},
    "timeloop_nests": {"rows", "cycles_equal", "energies_compared", "energies_equal"},
    "timeloop_replay": {
        *("rows", "cycles_exact_fraction", "cycles_max_abs_diff", "energy_max_rel_error"),
        *("physical_cycles_exact_fraction", "physical_energy_p99_rel_error"),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_quick_form_ends_with_its_keys(script):
    done = subprocess.run([sys.executable, str(script), "--quick"], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result.keys() >= KEYS[script.stem]
    for system, claim in all_claims().values():
        if (system.name, claim.script) == (script.parent.name, script.name):
            assert [f.what for f in claim.figures if f.read(result) is None and not f.full_only] == []
