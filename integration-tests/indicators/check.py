"""Checks the indicators of the lake by formulas written anew from their sources, with packages that we did not write.

    check.py make FILE COUNT SEED     writes random records, one publish (a JSON array) a line
    check.py compare FILE LAKE        reads the lake that they landed in and compares every indicator

rainflow counts the cycles, pylife gives the lives of a Woehler curve, numpy does the rest; `laws.py` has what BLAST-Lite says.
The ratings below are those of the model example-arm-6; the resolutions are those of the lake's columns.
"""

import json
import math
import random
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import rainflow
from deltalake import DeltaTable
from pylife.materiallaws import WoehlerCurve

ROBOT = "CNAB12HX00010000000000000042A"
PER_PUBLISH = 20

# config/models/example-arm-6.toml
RATIO, T_N, T_A, T_M, N_N, L10_H = 100.0, 87.0, 140.0, 369.0, 2000.0, 10_000.0
I_CONT, ERROR_REF, ERROR_LIMIT = 6.0, 1e-4, 1e-3
GREASE = [8.5e8, 8.5e8, 8.5e8, 6e8, 4e8, 2.5e8, 1.5e8, 1e8]
FRICTION = dict(fc=6.0, fs=8.0, ws=0.1, fv=4.0, t0=30.0, k=0.015)
FATIGUE = dict(sd=204.0, nd=1e7, m=7.0)
WOEHLER = WoehlerCurve(pd.Series({"SD": FATIGUE["sd"], "ND": FATIGUE["nd"], "k_1": FATIGUE["m"]}))
BEARING = dict(c=9600.0, p0=800.0, per_nm=8.0, a1=0.64, p=10 / 3)
C_NOM, V_NOM, EOL, R_NEW, R_END, E_R = 30.0, 48.1, 0.8, 20.0, 40.0, 20_000.0
CYCLES, DEPTH_B = 1000.0, 1.3
BRAKE_LIFE_J, BRAKE_STOP_J = 2e6, 5.4
# What cannot be has no value.
SOH_MAX, EFFICIENCY_MAX = 1.2, 1.1
WINDOW_S = 60.0

LOAD_CENTRES = [0.0, 0.05, 0.15, 0.275, 0.425, 0.625, 0.875, 1.125, 1.375, 1.75, 2.5, 3.0]
TEMP_CENTRES = [0.0, 10.0, 30.0, 45.0, 55.0, 65.0, 75.0, 80.0]
TENTHS = [0.05 + 0.1 * n for n in range(10)]


# ---------------------------------------------------------------- records


def maybe(rng, values, key, make):
    if rng.random() < 0.75:
        values[key] = make()


def joint(rng, name):
    values = {"name": name}
    share = [rng.random() ** 3 for _ in range(12)]
    rev = rng.uniform(1e3, 1e9)
    hist = [rev * part / sum(share) for part in share]
    maybe(rng, values, "input_rev", lambda: sum(hist))
    # Within a factor of two of the histogram; now and then more than any turn bears.
    load = float(np.dot(hist, np.power(LOAD_CENTRES, 3)))
    maybe(rng, values, "input_rev_load", lambda: rng.uniform(0.6, 1.6) * load if rng.random() < 0.9 else 200.0 * rev)
    maybe(rng, values, "load_hist_rev", lambda: hist)
    maybe(rng, values, "grease_temp_hist_rev", lambda: [rng.uniform(0, 1e8) for _ in range(8)])
    maybe(rng, values, "temp_hist_h", lambda: [rng.uniform(0, 5e3) for _ in range(8)])
    maybe(rng, values, "rainflow_hist_cycles", lambda: [rng.uniform(0, 1e6) for _ in range(16)])
    maybe(rng, values, "current_rms_a", lambda: rng.uniform(0, 12))
    maybe(rng, values, "following_error_rms_rad", lambda: rng.uniform(0, 2e-3))
    maybe(rng, values, "temp_reducer_c", lambda: rng.uniform(5, 70))
    maybe(rng, values, "friction_test_speed_rad_s", lambda: rng.uniform(-3, 3))
    maybe(rng, values, "friction_test_torque_nm", lambda: rng.uniform(-40, 40))
    maybe(rng, values, "lost_motion_arcmin", lambda: rng.uniform(0.2, 4))
    maybe(rng, values, "momentary_peak_count", lambda: rng.randrange(0, 3000))
    maybe(rng, values, "torque_residual_rms_nm", lambda: rng.uniform(0, 9))
    maybe(rng, values, "friction_residual_nm", lambda: rng.uniform(-9, 9))
    if rng.random() < 0.4:
        n = rng.randrange(3, 200)
        # Of ten seconds a step, more than seven take longer than the window.
        samples = {"dt_s": rng.choice([0.01, 0.01, 0.01, 10.0]), "torque_nm": [rng.uniform(-350, 350) for _ in range(n)]}
        samples["velocity_rad_s"] = [rng.uniform(-3, 3) for _ in range(n)]
        if rng.random() < 0.7:
            samples["torque_model_nm"] = [value + rng.gauss(0, 3) for value in samples["torque_nm"]]
        if rng.random() < 0.5:
            samples["current_a"] = [rng.uniform(-12, 12) for _ in range(n)]
        values["samples"] = samples
    return values


def pack(rng):
    values = {
        "pack_id": "PK-1", "voltage_v": rng.uniform(40, 54), "current_a": rng.choice([0.0, -0.3, 0.9, -8.0]),
        "soc_start": rng.uniform(0.5, 1.0), "soc_end": rng.uniform(0.0, 1.0), "discharged_ah": rng.uniform(0, 2e4),
        "temp_min_c": rng.uniform(-5, 25), "temp_max_c": rng.uniform(25, 50),
    }
    maybe(rng, values, "charged_ah", lambda: rng.uniform(0, 2e4))
    maybe(rng, values, "full_charge_ah", lambda: rng.uniform(15, 31))
    maybe(rng, values, "discharged_wh", lambda: rng.uniform(0, 5e5))
    maybe(rng, values, "charged_wh", lambda: rng.uniform(1e3, 5e5))
    maybe(rng, values, "current_absmax_a", lambda: rng.uniform(0, 90))
    maybe(rng, values, "dcir_mohm", lambda: rng.uniform(15, 45))
    maybe(rng, values, "dcir_temp_c", lambda: rng.uniform(0, 45))
    if rng.random() < 0.7:
        low = rng.uniform(3.0, 4.0)
        values |= {"cell_min_v": low, "cell_max_v": low + rng.uniform(0, 0.2), "rest_s": rng.choice([0.0, 599.0, 3600.0])}
    maybe(rng, values, "soc_rainflow_hist_cycles", lambda: [rng.uniform(0, 300) for _ in range(10)])
    most = rng.choice([2e3, 2e3, 2e3, 0.0])
    maybe(rng, values, "temp_hist_h", lambda: [rng.uniform(0, most) for _ in range(8)])
    maybe(rng, values, "soc_hist_h", lambda: [rng.uniform(0, most) for _ in range(10)])
    if "temp_hist_h" in values and rng.random() < 0.5:
        values["age_d"] = rng.choice([0.5, 1.0, 2.0]) * sum(values["temp_hist_h"]) / 24
    if rng.random() < 0.4:
        values |= {"ageing_cycle": rng.uniform(0, 0.1), "ageing_calendar": rng.uniform(0, 0.1)}
    return values


def sections(rng, record):
    if rng.random() < 0.4:
        n = rng.randrange(1, 60)
        sensor = {"location": "base", "samples_m_s2": [rng.gauss(0.3, 2) for _ in range(n)], "crest": 3.5, "kurtosis": 3.1}
        maybe(rng, sensor, "velocity_rms_mm_s", lambda: rng.uniform(0, 20))
        maybe(rng, sensor, "machine_class", lambda: rng.choice(["I", "II", "III", "IV"]))
        record["vibration"] = [sensor]
    if rng.random() < 0.3:
        n = rng.randrange(2, 40)
        around = [0.4, -0.2, 0.9, 1.0, -3.1, 0.1]
        spread = [1e-4] * 3 + [1e-3] * 3
        reached = around[:5] + [around[5] + rng.choice([0.0, 0.0, math.pi])]
        record["pose_test"] = {
            "command": around,
            "attained": [[rng.gauss(value, off) for value, off in zip(reached, spread)] for _ in range(n)],
        }
    if rng.random() < 0.4:
        motion = {"allowed_deviation_m": rng.uniform(0.05, 0.5), "localization_deviation_m": rng.uniform(0, 0.2)}
        if rng.random() < 0.7:
            motion["reference_path_m"] = [[rng.uniform(0, 9), rng.uniform(0, 9)] for _ in range(rng.randrange(1, 12))]
            motion["actual_path_m"] = [[rng.uniform(0, 9), rng.uniform(0, 9)] for _ in range(rng.randrange(1, 60))]
        else:
            motion |= {"cross_track_rms_m": 0.02, "cross_track_max_m": 0.09}
        record["motion"] = motion


def make(path, count, seed):
    rng = random.Random(seed)
    with open(path, "w") as out:
        for first in range(0, count, PER_PUBLISH):
            records = []
            for seq in range(first, min(first + PER_PUBLISH, count)):
                counters = {"power_on_h": 1000.0 + seq}
                maybe(rng, counters, "servo_on_h", lambda: rng.uniform(10, 1000))
                maybe(rng, counters, "brake_energy_j", lambda: rng.uniform(0, 2e6))
                maybe(rng, counters, "brake_dynamic_count", lambda: rng.randrange(0, 10_000))
                record = {
                    "schema_version": 1, "robot_id": ROBOT, "stream_epoch": 1, "seq": seq,
                    "window_start": 1_795_248_000_000 + seq * 60_000, "window_end": 1_795_248_000_000 + int(1e3 * WINDOW_S) + seq * 60_000,
                    "robot_kind": "arm", "counters": counters,
                    "joints": [joint(rng, "J1"), joint(rng, "J2")], "batteries": [pack(rng)],
                }
                sections(rng, record)
                records.append(record)
            out.write(json.dumps(records) + "\n")


# ---------------------------------------------------------------- formulas


def between(value, reference, limit):
    return float(np.clip((limit - value) / (limit - reference), 0.0, 1.0))


def miner(cycles):
    """Damage of (range, count)."""
    if not cycles:
        return 0.0
    ranges, counts = np.array(cycles).T
    lives = WOEHLER.cycles(ranges)
    return float(np.sum(np.where(ranges >= FATIGUE["sd"], counts / lives, 0.0)))


def cannot_be(load, rev, hist):
    """Whether a counter is more than its turns bear at the momentary peak; these records are never else far off their histogram."""
    turns = rev if rev is not None else sum(hist) if hist is not None else math.inf
    return load > turns * (1.05 * T_M / T_N) ** 3


def of_joint(j, counters):
    found = {}
    hist, rev = j.get("load_hist_rev"), j.get("input_rev")
    load = j.get("input_rev_load")
    if load is None and hist is not None:
        load = float(np.dot(hist, np.power(LOAD_CENTRES, 3)))
    elif load is not None and cannot_be(load, rev, hist):
        load = None
    rated = 60 * L10_H * N_N
    if load is not None:
        damage = load / rated
        hours = counters.get("servo_on_h", counters["power_on_h"])
        found["reducer_damage"] = damage
        if damage > 0:
            found["reducer_l10_h"] = hours / damage
            found["reducer_rul_h"] = hours * (1 - damage) / damage
    samples = j.get("samples")
    if samples and (len(samples["torque_nm"]) - 1) * samples["dt_s"] > 1.01 * WINDOW_S:
        samples = None
    current = j.get("current_rms_a")
    if samples and "current_a" in samples:
        current = float(np.sqrt(np.mean(np.square(samples["current_a"]))))
    if current is not None:
        found["thermal_load_rate_pct"] = 100 * current**2 / I_CONT**2
    if "following_error_rms_rad" in j:
        found["following_error_health"] = between(j["following_error_rms_rad"], ERROR_REF, ERROR_LIMIT)
    if load is not None and rev:
        found["average_torque_ratio"] = T_N * (load / rev) ** (1 / 3) / T_A
    if "momentary_peak_count" in j:
        found["momentary_peak_usage"] = j["momentary_peak_count"] / (1e4 / (2 * (14 / 60) * RATIO * 0.15))
    if "grease_temp_hist_rev" in j and load is not None and rev:
        found["grease_usage"] = float(np.sum(np.divide(j["grease_temp_hist_rev"], GREASE))) * max(1.0, load / rev)
    if hist is not None:
        loads = BEARING["p0"] + BEARING["per_nm"] * np.array(LOAD_CENTRES) * T_N
        lives = BEARING["a1"] * (BEARING["c"] / loads) ** BEARING["p"]
        found["bearing_damage"] = float(np.sum(np.array(hist) / RATIO / (1e6 * lives)))
    if "rainflow_hist_cycles" in j:
        found["fatigue_damage"] = miner([((k + 0.5) * T_M / 16, n) for k, n in enumerate(j["rainflow_hist_cycles"])])
    if samples:
        torque, speed = np.array(samples["torque_nm"]), np.array(samples["velocity_rad_s"])
        counted = [(rng, count) for rng, _, count, _, _ in rainflow.extract_cycles(samples["torque_nm"])]
        found["fatigue_damage_window"] = miner(counted)
        turns = RATIO * np.abs(speed) * samples["dt_s"] / (2 * math.pi)
        found["reducer_damage_window"] = float(np.sum(turns * (np.abs(torque) / T_N) ** 3)) / rated
    residual = None
    if samples and "torque_model_nm" in samples:
        off = torque - np.array(samples["torque_model_nm"])
        residual = float(np.sqrt(np.mean(off**2)))
        moving = np.abs(speed) > 0.05
        if moving.any():
            found["friction_excess_nm"] = float(np.mean(off[moving] * np.sign(speed[moving])))
    if residual is None:
        residual = j.get("torque_residual_rms_nm")
    if residual is not None:
        found["torque_residual_norm"] = residual / T_N
    if "friction_excess_nm" not in found and "friction_residual_nm" in j:
        found["friction_excess_nm"] = j["friction_residual_nm"]
    if "friction_test_speed_rad_s" in j and "friction_test_torque_nm" in j and "temp_reducer_c" in j:
        w, f = abs(j["friction_test_speed_rad_s"]), FRICTION
        reference = f["fc"] + (f["fs"] - f["fc"]) * math.exp(-((w / f["ws"]) ** 2)) + f["fv"] * w
        reference *= math.exp(-f["k"] * (j["temp_reducer_c"] - f["t0"]))
        found["friction_ratio"] = abs(j["friction_test_torque_nm"]) / reference
    if "lost_motion_arcmin" in j:
        found["lost_motion_health"] = between(j["lost_motion_arcmin"], 1.0, 3.0)
    if "temp_hist_h" in j:
        hours, kelvin = np.array(j["temp_hist_h"]), np.array(TEMP_CENTRES) + 273.15
        factors = np.exp(0.5 / 8.617333262e-5 * (1 / 313.15 - 1 / kelvin))
        found["temp_equivalent_h"] = float(np.dot(hours, factors))
        found["winding_damage"] = float(np.dot(hours, 2.0 ** ((np.array(TEMP_CENTRES) + 20 - 155) / 10))) / 20_000
    healths = [1 - min(1.0, found[name]) for name in
               ("reducer_damage", "bearing_damage", "fatigue_damage", "winding_damage") if name in found]
    healths += [found[name] for name in ("following_error_health", "lost_motion_health") if name in found]
    if "friction_ratio" in found:
        healths.append(between(found["friction_ratio"], 1.0, 1.6))
    if healths:
        found["component_health_index"] = min(healths)
    return found


def xu(f):
    return 1 - 0.0575 * math.exp(-121 * f) - (1 - 0.0575) * math.exp(-f)


def covers_age(p):
    """Whether the hours of the histograms tell how a pack with cycles aged."""
    hours = sum(p["temp_hist_h"])
    return hours > 0 and sum(p["soc_hist_h"]) > 0 and 24 * p.get("age_d", 0.0) <= 1.05 * hours + 1


def of_pack(p):
    found = {"end_of_life_ah": EOL * C_NOM}
    if "full_charge_ah" in p:
        found["capacity_ah"] = p["full_charge_ah"]
        found["soh_capacity"] = p["full_charge_ah"] / C_NOM
        found["pack_health_index"] = between(found["soh_capacity"], 1.0, EOL)
    if "charged_ah" in p:
        found["equivalent_full_cycles"] = (p["discharged_ah"] + p["charged_ah"]) / (2 * C_NOM)
    if "dcir_mohm" in p:
        temp = p.get("dcir_temp_c", (p["temp_min_c"] + p["temp_max_c"]) / 2) + 273.15
        at_25 = p["dcir_mohm"] * math.exp(-E_R / 8.314462618 * (1 / temp - 1 / 298.15))
        found["dcir_25c_mohm"] = at_25
        soh = (R_END - at_25) / (R_END - R_NEW)
        if soh <= SOH_MAX:
            found["soh_resistance"] = soh
    if "current_absmax_a" in p:
        found["c_rate_max"] = p["current_absmax_a"] / C_NOM
    if "rest_s" in p and p["rest_s"] >= 600 and abs(p["current_a"]) < 0.05 * C_NOM:
        found["cell_imbalance_mv"] = 1000 * (p["cell_max_v"] - p["cell_min_v"])
    if "charged_wh" in p and "discharged_wh" in p and p["charged_wh"] >= 10 * C_NOM * V_NOM:
        efficiency = p["discharged_wh"] / p["charged_wh"]
        if 0 < efficiency <= EFFICIENCY_MAX:
            found["energy_efficiency"] = efficiency
    cycles = p.get("soc_rainflow_hist_cycles")
    if "ageing_cycle" in p:
        found["xu_loss"] = xu(p["ageing_cycle"] + p["ageing_calendar"])
    elif cycles is not None and "temp_hist_h" in p and "soc_hist_h" in p and covers_age(p):
        kelvin = np.array(TEMP_CENTRES) + 273.15
        s_t = np.exp(0.0693 * (kelvin - 298.15) * 298.15 / kelvin)
        s_s = np.exp(1.04 * (np.array(TENTHS) - 0.5))
        s_d = 1 / (1.40e5 * np.power(TENTHS, -0.501) - 1.23e5)
        mean = np.average(s_t, weights=p["temp_hist_h"]) * np.average(s_s, weights=p["soc_hist_h"])
        f = (np.dot(cycles, s_d) + 4.14e-10 * 3600 * sum(p["temp_hist_h"])) * mean
        found["xu_loss"] = xu(float(f))
    if cycles is not None:
        found["cycle_damage"] = float(np.dot(cycles, np.power(TENTHS, DEPTH_B))) / CYCLES
    return found


def of_vibration(v):
    found = {"crest_factor": v["crest"], "kurtosis_pearson": v["kurtosis"]}
    x = np.array(v["samples_m_s2"])
    if len(x) >= 4:
        off = x - x.mean()
        found["crest_factor"] = float(np.abs(x).max() / np.sqrt(np.mean(x**2)))
        found["kurtosis_pearson"] = float(np.mean(off**4) / np.mean(off**2) ** 2)
        found["skewness"] = float(np.mean(off**3) / np.mean(off**2) ** 1.5)
    if "velocity_rms_mm_s" in v:
        bounds = {"I": (0.71, 1.8, 4.5), "II": (1.12, 2.8, 7.1), "III": (1.8, 4.5, 11.2), "IV": (2.8, 7.1, 18.0)}
        found["velocity_zone"] = "ABCD"[sum(v["velocity_rms_mm_s"] > bound for bound in bounds[v.get("machine_class", "I")])]
    return found


def to_path(point, path):
    point = np.array(point)
    if len(path) == 1:
        return float(np.linalg.norm(point - path[0]))
    best = math.inf
    for a, b in zip(np.array(path[:-1]), np.array(path[1:])):
        along = np.clip(np.dot(point - a, b - a) / np.dot(b - a, b - a), 0, 1)
        best = min(best, float(np.linalg.norm(point - a - along * (b - a))))
    return best


def of_record(r):
    found, counters = {}, r["counters"]
    if "brake_energy_j" in counters:
        found["brake_damage"] = counters["brake_energy_j"] / BRAKE_LIFE_J
    elif "brake_dynamic_count" in counters:
        found["brake_damage"] = counters["brake_dynamic_count"] * BRAKE_STOP_J / BRAKE_LIFE_J
    if "pose_test" in r:
        off = np.array(r["pose_test"]["attained"]) - np.array(r["pose_test"]["command"])
        turn = np.angle(np.exp(1j * off[:, 3:]).mean(axis=0))
        off[:, 3:] = (off[:, 3:] - turn + math.pi) % (2 * math.pi) - math.pi
        mean = off.mean(axis=0)
        angles = (turn + mean[3:] + math.pi) % (2 * math.pi) - math.pi
        length = np.linalg.norm(off[:, :3] - mean[:3], axis=1)
        found["pose_accuracy_mm"] = 1e3 * float(np.linalg.norm(mean[:3]))
        found["pose_accuracy_rad"] = float(np.abs(angles).max())
        found["pose_repeatability_mm"] = 1e3 * float(length.mean() + 3 * length.std(ddof=1))
        found["pose_repeatability_rad"] = float(3 * off[:, 3:].std(axis=0, ddof=1).max())
    motion = r.get("motion")
    if motion:
        allowed = motion["allowed_deviation_m"]
        found["localization_ratio"] = motion["localization_deviation_m"] / allowed
        if "actual_path_m" in motion:
            distances = np.array([to_path(point, motion["reference_path_m"]) for point in motion["actual_path_m"]])
            found["path_rms_m"] = float(np.sqrt(np.mean(distances**2)))
            found["path_max_m"] = float(distances.max())
            found["path_p95_m"] = float(np.percentile(distances, 95))
        else:
            found["path_rms_m"], found["path_max_m"] = motion["cross_track_rms_m"], motion["cross_track_max_m"]
        found["path_ratio"] = found["path_max_m"] / allowed
    return found


# ---------------------------------------------------------------- comparison


def read(lake, table, columns):
    files = DeltaTable(f"{lake}/{table}").file_uris()
    arrow = pa.concat_tables(pq.read_table(file, columns=columns, partitioning=None) for file in files)
    decimals = [field for field in arrow.schema if pa.types.is_decimal(field.type)]
    scales = {field.name: field.type.scale for field in decimals}
    greatest = {field.name: 10.0 ** (field.type.precision - field.type.scale) for field in decimals}
    return arrow.to_pylist(), scales, greatest


INDICATORS = {
    "joints": [
        "reducer_damage", "reducer_l10_h", "reducer_rul_h", "thermal_load_rate_pct", "following_error_health",
        "component_health_index", "average_torque_ratio", "momentary_peak_usage", "grease_usage", "bearing_damage",
        "fatigue_damage", "fatigue_damage_window", "reducer_damage_window", "torque_residual_norm", "friction_excess_nm",
        "friction_ratio", "lost_motion_health", "temp_equivalent_h", "winding_damage",
    ],
    "batteries": [
        "soh_capacity", "equivalent_full_cycles", "pack_health_index", "capacity_ah", "end_of_life_ah", "dcir_25c_mohm",
        "soh_resistance", "c_rate_max", "cell_imbalance_mv", "energy_efficiency", "xu_loss", "cycle_damage",
    ],
    "vibration": ["velocity_zone", "crest_factor", "kurtosis_pearson", "skewness"],
    "records": [
        "brake_damage", "pose_accuracy_mm", "pose_accuracy_rad", "pose_repeatability_mm", "pose_repeatability_rad",
        "path_rms_m", "path_max_m", "path_p95_m", "path_ratio", "localization_ratio",
    ],
}


def agrees(stored, expected, scale):
    if stored is None or expected is None:
        return stored is None and expected is None
    if isinstance(expected, str):
        return stored == expected
    half = 0.5 * 10.0**-scale
    return abs(float(stored) - expected) <= half * 1.001 + 1e-9 * abs(expected)


def compare(path, lake):
    expected = {table: {} for table in INDICATORS}
    with open(path) as lines:
        for line in lines:
            for record in json.loads(line):
                seq = record["seq"]
                for part in record["joints"]:
                    expected["joints"][seq, part["name"]] = of_joint(part, record["counters"])
                expected["batteries"][seq, "PK-1"] = of_pack(record["batteries"][0])
                for sensor in record.get("vibration", []):
                    expected["vibration"][seq, "base"] = of_vibration(sensor)
                expected["records"][seq, None] = of_record(record)
    keys = {"joints": "joint", "batteries": "pack_id", "vibration": "location", "records": None}
    compared, values, wrong = 0, 0, []
    for table, names in INDICATORS.items():
        key = keys[table]
        rows, scales, greatest = read(lake, table, ["seq", "absent", *names] + ([key] if key else []))
        assert len(rows) == len(expected[table]), (table, len(rows), len(expected[table]))
        for row in rows:
            of_row = expected[table][row["seq"], row[key] if key else None]
            absent = json.loads(row["absent"] or "{}")
            for name in names:
                compared += 1
                values += row[name] is not None
                want = of_row.get(name)
                if absent.get(name) == "out_of_resolution":
                    if row[name] is not None or want is None or abs(want) < 0.999 * greatest[name]:
                        wrong.append(f"{table} {row['seq']} {name}: {want} would have fitted its column")
                    continue
                if not agrees(row[name], want, scales.get(name)):
                    wrong.append(f"{table} {row['seq']} {row[key] if key else ''} {name}: {row[name]} is not {want}")
                if row[name] is None and name not in absent and "*" not in absent:
                    wrong.append(f"{table} {row['seq']} {name}: null without a reason")
    print(json.dumps({"compared": compared, "values": values, "wrong": len(wrong)}))
    for line in wrong[:40]:
        print(line, file=sys.stderr)
    return 1 if wrong or values == 0 else 0


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(compare(sys.argv[2], sys.argv[3]))
