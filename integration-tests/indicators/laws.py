"""Capacity and resistance of random cells after random use by BLAST-Lite, as rows for a query that computes them again.

    laws.py COUNT SEED     prints rows (voltage_v, voltage_rms_v, temp_c, days, depth, throughput_ah, capacity, resistance)

BLAST-Lite steps a model through a life; one step from new, under one stress, is what the closed form of Schmalstieg et al.
describes. Half of the cells rest, the others are cycled.
"""

import random
import sys

import numpy as np
from blast.models import Nmc111_Gr_Sanyo2Ah_Battery

HOUR = 3600.0


def life(rng):
    """State of charge over time (s), between one and 400 days."""
    time = np.arange(0.0, rng.uniform(1, 400) * 24 * HOUR, HOUR)
    middle = rng.uniform(0.2, 0.8)
    depth = rng.choice([0.0, rng.uniform(0.15, 2 * min(middle, 1 - middle))])
    period = rng.uniform(4, 200) * HOUR
    # From 0.15 on: below, BLAST-Lite lets cycles take resistance away.
    return time, middle + depth / 2 * np.sin(2 * np.pi * time / period)


def row(rng):
    cell = Nmc111_Gr_Sanyo2Ah_Battery()
    time, charge = life(rng)
    temp = rng.uniform(5, 55)
    cell.update_battery_state(time, charge, np.full_like(time, temp))
    volts = cell.calc_voltage(charge)
    mean = np.trapz(volts, x=time) / (time[-1] - time[0])
    throughput = cell.stressors["efc"][-1] * 2 * cell.cap
    given = [mean, np.sqrt(np.mean(volts**2)), temp, cell.stressors["t_days"][-1], charge.max() - charge.min(), throughput]
    return [*given, cell.outputs["q"][-1], cell.outputs["r"][-1]]


if __name__ == "__main__":
    rng = random.Random(int(sys.argv[2]))
    rows = (", ".join(repr(float(value)) for value in row(rng)) for _ in range(int(sys.argv[1])))
    print(",\n".join(f"({values})" for values in rows))
