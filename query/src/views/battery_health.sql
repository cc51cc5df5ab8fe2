-- The latest health of each battery pack in place: of the packs that the robot's newest record with packs has. A pack that was
-- swapped out is in the table `batteries`.
SELECT robot_id, pack_id, pack_epoch, stream_epoch, seq, window_end,
       soc_end, voltage_v, current_a, temp_max_c, discharged_ah, full_charge_ah,
       soh_capacity, soh_capacity_method, equivalent_full_cycles, pack_health_index,
       capacity_ah, end_of_life_ah, dcir_25c_mohm, soh_resistance, c_rate_max, cell_imbalance_mv, energy_efficiency,
       xu_loss, cycle_damage, cold_charge_count, deep_discharge_count, overtemp_h,
       methods, absent, flags, formula_version, config_digest
FROM (
    SELECT robot_id AS of_robot_id, max(record_order(stream_epoch, seq)) AS newest FROM batteries GROUP BY robot_id
) AS latest
JOIN batteries ON batteries.robot_id = latest.of_robot_id
    AND record_order(batteries.stream_epoch, batteries.seq) = latest.newest
